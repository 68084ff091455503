import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { durationOf } from "../../scripts/watch";
import { BUDGET_MS, isExhausted, noteRestart, readMemory, reasonKind, writeMemory } from "./memory";

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "hornet-watch-"))));
afterEach(() => rmSync(folder, { recursive: true }));

test("a budget counts the restarts of an hour, and outlives the watcher", () => {
  const file = join(folder, "stack/watch.json");
  const memory = readMemory(file);
  for (const at of [0, 1000, 2000]) noteRestart(memory, "vm1", "VMM exited with 137 at …", at);
  writeMemory(file, memory);
  const later = readMemory(file);
  expect(later).toEqual(memory);
  expect(later.reasons).toEqual({ killed: 3 });
  expect(isExhausted(later, "vm1", 3, 3000)).toBe(true);
  expect(isExhausted(later, "vm1", 4, 3000)).toBe(false);
  expect(isExhausted(later, "vm1", 3, BUDGET_MS + 500)).toBe(false);
  expect(isExhausted(later, "vm2", 1, 3000)).toBe(false);
  expect(isExhausted(later, "vm2", 0, 3000)).toBe(true);
});

test("a damaged memory is replaced by an empty one", () => {
  const file = join(folder, "watch.json");
  for (const text of ["", "{", '{"open": 3}']) {
    writeFileSync(file, text);
    expect(readMemory(file)).toMatchObject({ open: [], seen: 0 });
  }
});

test.each([
  ["VMM exited with 137 at 2026-11-27T21:49:21Z (pid 498)", "killed"],
  ["VMM exited with 1 at 2026-11-27T21:49:21Z (pid 498)", "exit-1"],
  ["VMM exited (pid 498; exit status unknown)", "ended"],
  ["VMM killed by memory limit 320 MiB at 2026-11-27T21:49:21Z (pid 498)", "memory-limit"],
  ["VMM ended by the limit of file sizes at 2026-11-27T21:49:21Z (pid 498)", "file-size-limit"],
  ["VMM of vm1 ended when the droplet rebooted", "droplet-rebooted"],
  ["VMM does not answer on its API socket", "hung"],
  ["private disk missing", "disk"],
  ["VMM does not hold tap0", "network"],
  ["", "other"],
])("the reason %s is of the kind %s", (words, kind) => {
  expect(reasonKind(words)).toBe(kind);
});

test("a time between looks has a unit, and is a second at least", () => {
  expect(["90", "90s", "5m", "1h"].map(durationOf)).toEqual([90_000, 90_000, 300_000, 3_600_000]);
  for (const wrong of ["", "0", "1d", "-5s", "fast"]) expect(() => durationOf(wrong)).toThrow("--every is a time");
});
