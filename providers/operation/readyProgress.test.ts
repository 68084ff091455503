import { percentile, ReadyProgress } from "./readyProgress";

test.each([
  [[], 0.95, 0],
  [[7], 0.95, 7],
  [[3, 1, 2, 4], 0.5, 2],
  [Array.from({ length: 100 }, (_, at) => 100 - at), 0.95, 95],
])("percentile of %j at %f", (values, share, expected) => {
  expect(percentile(values, share)).toBe(expected);
});

function progressOf(expected: number, begun: number): ReadyProgress {
  const progress = new ReadyProgress();
  progress.expect(expected);
  for (let at = 0; at < begun; at++) progress.begin();
  return progress;
}

test("a line comes every two seconds, once a clone is ready", () => {
  const progress = progressOf(0, 10);
  expect(progress.line(10_000)).toBeUndefined();
  for (const ms of [1000, 1200, 3000]) progress.ready(ms);
  expect(progress.line(10_000)).toBe("ready 3/10, p95 3.0 s");
  progress.ready(800);
  expect(progress.line(11_000)).toBeUndefined();
  expect(progress.line(12_000)).toBe("ready 4/10, p95 3.0 s");
  // Nothing new.
  expect(progress.line(20_000)).toBeUndefined();
});

test("the total includes clones that the engine has not started yet", () => {
  const progress = progressOf(100, 8);
  for (let at = 0; at < 8; at++) progress.ready(1200);
  expect(progress.line(10_000)).toBe("ready 8/100, p95 1.2 s");
  for (let at = 0; at < 8; at++) progress.begin();
  for (let at = 0; at < 29; at++) progress.ready(1100);
  expect(progress.line(12_000)).toBe("ready 37/100, p95 1.2 s");
});

test("the last clone is reported at once, and a later wave after it", () => {
  const progress = progressOf(6, 6);
  for (let at = 0; at < 5; at++) progress.ready(1000);
  expect(progress.line(10_000)).toBe("ready 5/6, p95 1.0 s");
  progress.ready(1500);
  expect(progress.line(10_001)).toBe("ready 6/6, p95 1.5 s");
  progress.begin();
  expect(progress.line(20_000)).toBeUndefined();
  progress.ready(1000);
  expect(progress.line(20_100)).toBe("ready 7/7, p95 1.5 s");
});

test("a few clones get no line", () => {
  const progress = progressOf(1, 1);
  progress.ready(100);
  expect(progress.line(10_000)).toBeUndefined();
});
