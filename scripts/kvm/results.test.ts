import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { scaleFor } from "./measure";
import { resultTable, Results } from "./results";
import { chosen, stories } from "./stories";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hornet-results-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const passed = { passed: true, seconds: 12.4, why: "" };
const failed = { passed: false, seconds: 3, why: "vm0 was not ready" };

test("only a run that resumes on the same subject has earlier results", () => {
  const first = Results.open(folder, "one", false);
  first.boot = 7;
  first.add("story", passed);
  first.add("rolling", failed);

  const resumed = Results.open(folder, "one", true);
  expect(resumed.boot).toBe(7);
  expect(resumed.of("story")).toEqual(passed);
  expect(resumed.of("rolling")).toEqual(failed);
  for (const other of [Results.open(folder, "another", true), Results.open(folder, "one", false)]) {
    expect(other.boot).toBeUndefined();
    expect(other.of("story")).toBeUndefined();
  }
});

test("the table has a story's result, its duration and why it failed", () => {
  const table = resultTable([
    ["story", passed],
    ["rolling", failed],
    ["promotion", undefined],
  ]);
  expect(table.split("\n")).toEqual([
    "story      result   seconds  why",
    "story      passed        12",
    "rolling    FAILED         3  vm0 was not ready",
    "promotion  not run",
  ]);
});

test("the main story comes first, and names choose stories", () => {
  expect([...stories().keys()][0]).toBe("story");
  expect([...stories().keys()]).toEqual(expect.arrayContaining(["identity-ssh", "rolling", "promotion", "shapes"]));
  expect(chosen(["rolling"]).map(([name]) => name)).toEqual(["rolling"]);
  expect(chosen([]).map(([name]) => name)).not.toContain("upgrade");
  expect(chosen([], { two: true }).map(([name]) => name)).toContain("upgrade");
  expect(() => chosen(["upgrade"])).toThrow('the story "upgrade" needs --next PATH');
  expect(() => chosen(["tale"])).toThrow('there is no story "tale". The stories: story, ');
});

test("limits grow with the measured boot, and never shrink", () => {
  expect(scaleFor(5)).toBe(1);
  expect(scaleFor(300)).toBe(10);
});
