import { percentile, ReadyProgress } from "./readyProgress";

test.each([
  [[], 0.95, 0],
  [[7], 0.95, 7],
  [[3, 1, 2, 4], 0.5, 2],
  [Array.from({ length: 100 }, (_, at) => 100 - at), 0.95, 95],
])("percentile of %j at %f", (values, share, expected) => {
  expect(percentile(values, share)).toBe(expected);
});

test("a line every two seconds, once there is something to tell", () => {
  const progress = new ReadyProgress();
  for (let at = 0; at < 10; at++) progress.begin();
  expect(progress.line(10_000)).toBeUndefined();
  for (const ms of [1000, 1200, 3000]) progress.ready(ms);
  expect(progress.line(10_000)).toBe("ready 3/10, p95 3.0 s");
  expect(progress.line(11_000)).toBeUndefined();
  progress.ready(800);
  expect(progress.line(12_000)).toBe("ready 4/10, p95 3.0 s");
});

test("a few clones need no line", () => {
  const progress = new ReadyProgress();
  progress.begin();
  progress.ready(100);
  expect(progress.line(10_000)).toBeUndefined();
});
