import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { traceSpan } from "./trace";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hornet-trace-"));
  process.env.HORNET_TRACE = join(folder, "trace.json");
});
afterEach(() => {
  delete process.env.HORNET_TRACE;
  rmSync(folder, { recursive: true });
});

test("spans become trace events in µs, one row for each name", () => {
  traceSpan({ row: "vm7", name: "restore", begun: 1000.5, took: 2, about: { run: "start_vm" } });
  traceSpan({ row: "vm8", name: "restore", begun: 1001, took: 3 });
  traceSpan({ row: "vm7", name: "ready", begun: 1003, took: 1 });
  const text = readFileSync(join(folder, "trace.json"), "utf8");
  // As viewers read it: the last comma and the missing bracket are allowed.
  const events = JSON.parse(`${text.trimEnd().slice(0, -1)}]`) as {
    ph: string;
    tid: number;
    ts?: number;
    dur?: number;
  }[];
  expect(events.filter(({ ph }) => ph === "M")).toHaveLength(2);
  expect(events.filter(({ ph }) => ph === "X").map(({ tid, ts, dur }) => [tid, ts, dur])).toEqual([
    [1, 1_000_500, 2000],
    [2, 1_001_000, 3000],
    [1, 1_003_000, 1000],
  ]);
});

test("without a file nothing is written", () => {
  process.env.HORNET_TRACE = "";
  expect(() => traceSpan({ row: "vm7", name: "x", begun: 0, took: 1 })).not.toThrow();
});
