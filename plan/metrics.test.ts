import { metricsDrift } from "./metrics";

const at = (folder: string, written = true): object => ({ metrics: { folder, written } });

test.each<[string | undefined, object, string[]]>([
  [undefined, {}, []],
  [undefined, at("/a"), ["the clones' metrics are collected, unasked"]],
  ["/a", at("/a"), []],
  ["/a", {}, ["nothing collects the clones' metrics"]],
  ["/a", at("/b"), ["the clones' metrics go to /b, not to /a"]],
  ["/a", at("/a", false), ["the clones' metrics are missing in /a"]],
])("asked for %j, %j is there", (folder, observed, drift) => expect(metricsDrift(folder, observed)).toEqual(drift));
