import { metricsDrift } from "./metrics";

const at = (folder: string, written = true): object => ({ metrics: { folder, written } });

test.each<[string | undefined, object, string[]]>([
  [undefined, {}, []],
  [undefined, at("/a"), ["a metrics collector runs, but hornet:vmm.metrics is not set"]],
  ["/a", at("/a"), []],
  ["/a", {}, ["the metrics collector does not run"]],
  ["/a", at("/b"), ["the clones' metrics go to /b, not to /a"]],
  ["/a", at("/a", false), ["the clones' metrics are missing in /a"]],
])("declared folder %j, observed %j", (folder, observed, drift) =>
  expect(metricsDrift(folder, observed)).toEqual(drift),
);
