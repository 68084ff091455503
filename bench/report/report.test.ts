import { compareResults } from "./compare";
import { median, percentile, ratioOf, type Series } from "./measurements";
import type { Result } from "./result";
import { ratios } from "./rows";
import { resultTable, show } from "./table";

const ms = (...values: number[]): Series => ({ unit: "ms", values });

function result(series: Record<string, Series>): Result {
  return { format: 1, machine: { cpus: 2 }, series };
}

test("medians, percentiles and ratios", () => {
  expect(median([5, 1, 3])).toBe(3);
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([])).toBeNaN();
  expect(percentile([4, 1, 3, 2], 0.5)).toBe(2);
  expect(percentile([4, 1, 3, 2], 0.95)).toBe(4);
  // A machine that is slow for a while is slow for both sides of a run: 2, 2 and 3 times, whatever the medians say.
  expect(ratioOf([10, 200, 30], [5, 100, 10])).toBe(2);
  // Sides that were not measured as often have no common runs.
  expect(ratioOf([10, 20, 30], [5])).toBe(4);
});

test.each([
  [0.4, "ms", "0.4 ms"],
  [870.4, "ms", "870 ms"],
  [1320, "ms", "1.32 s"],
  [3999, "bytes", "4.0 KB"],
  [256 * 1024 * 1024, "bytes", "256.0 MiB"],
  [7, "count", "7"],
  [NaN, "ms", "-"],
] as const)("%d %s is printed as %s", (value, unit, text) => {
  expect(show(value, unit)).toBe(text);
});

test("a goal is met or missed by the ratio, and open without a series to compare with", () => {
  const series = {
    "work.hornet.3": ms(260, 270),
    "work.script.3": ms(1700, 1800),
    "work.hornet.10": ms(1500),
    "work.script.10": ms(9000),
    "network.hornet": ms(20),
  };
  const rows = ratios(series);
  expect(rows.map(({ title, met }) => [title, met])).toEqual([
    ["work on the droplet, 3 clones", true],
    ["work on the droplet, 10 clones", false],
    ["network of one clone", undefined],
  ]);
  const table = resultTable(series, rows);
  expect(table).toMatch(
    /^work on the droplet, 3 clones +265 ms +260 ms … 270 ms +script 1\.75 s +0\.15 +<= 0\.17 +met$/m,
  );
  expect(table).toMatch(/^work on the droplet, 10 clones +1\.50 s .* MISSED$/m);
  expect(table).toMatch(/^network of one clone +20 ms +kernel - +<= 2\.00$/m);
});

test("a count is compared with each series of that count", () => {
  const series = {
    "up.hornet.3": ms(3000),
    "up.hornet.100": ms(7000),
    "up.loaded.100": ms(3500),
    "up.floor.100": ms(2500),
    "up.old.100": ms(9000),
  };
  expect(ratios(series).map(({ title, against, met }) => [title.trim(), against?.what, met])).toEqual([
    ["whole up, 3 clones", "script", undefined],
    ["whole up, 3 clones", "idle twin", undefined],
    ["against resources without properties", "engine", undefined],
    ["whole up, 100 clones", "script", undefined],
    ["whole up, 100 clones", "idle twin", false],
    ["against resources without properties", "engine", undefined],
    ["against the old checkout", "old", undefined],
  ]);
});

test("between two results only a value outside of the other's range is a change", () => {
  const before = result({
    same: ms(10, 11, 12),
    near: ms(10, 20, 30),
    up: ms(100, 101),
    gone: ms(1),
    down: ms(50, 52),
  });
  const after = result({
    same: ms(10.5, 11, 12),
    near: ms(25, 29, 40),
    up: ms(150, 160),
    fresh: ms(1),
    down: ms(20, 21),
  });
  expect(compareResults(before, after).map(({ name, verdict }) => [name, verdict])).toEqual([
    ["same", "same"],
    ["near", "same"],
    ["up", "worse"],
    ["gone", "only before"],
    ["down", "better"],
    ["fresh", "only after"],
  ]);
});
