import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { closeTrace, Trace } from "./trace";

let folder: string;
let trace: Trace;

beforeEach(() => {
  trace = new Trace();
  folder = mkdtempSync(join(tmpdir(), "hornet-trace-"));
  process.env.HORNET_TRACE = join(folder, "trace.json");
});
afterEach(() => {
  delete process.env.HORNET_TRACE;
  rmSync(folder, { recursive: true });
});

interface Event {
  readonly ph: string;
  readonly tid: number;
  readonly ts?: number;
  readonly dur?: number;
}

function closed(): Event[] {
  closeTrace();
  return JSON.parse(readFileSync(join(folder, "trace.json"), "utf8")) as Event[];
}

test("a trace that cannot be written is reported once, and fails nothing", () => {
  const stderr = jest.spyOn(console, "error").mockImplementation(() => undefined);
  process.env.HORNET_TRACE = join(folder, "gone", "trace.json");
  for (const name of ["restore", "ready"]) trace.span({ row: "vm7", name, begun: 1000, took: 2 });
  closeTrace();
  expect(stderr.mock.calls).toEqual([
    [expect.stringMatching(/^the trace .* cannot be written \(HORNET_TRACE\): .*ENOENT/)],
  ]);
  stderr.mockRestore();
});

test("spans become trace events in µs, one row for each name", () => {
  trace.span({ row: "vm7", name: "restore", begun: 1000.5, took: 2, about: { run: "start_vm" } });
  trace.span({ row: "vm8", name: "restore", begun: 1001, took: 3 });
  trace.span({ row: "vm7", name: "ready", begun: 1003, took: 1 });
  const events = closed();
  expect(events.filter(({ ph }) => ph === "M")).toHaveLength(2);
  expect(events.filter(({ ph }) => ph === "X").map(({ tid, ts, dur }) => [tid, ts, dur])).toEqual([
    [1, 1_000_500, 2000],
    [2, 1_001_000, 3000],
    [1, 1_003_000, 1000],
  ]);
});

test("viewers can read an unclosed trace, and the next run continues it", () => {
  trace.span({ row: "vm9", name: "load", begun: 1, took: 2 });
  const text = (): string => readFileSync(join(folder, "trace.json"), "utf8");
  expect(JSON.parse(`${text().trimEnd().slice(0, -1)}]`)).toHaveLength(2);
  const before = closed();
  closeTrace();
  expect(JSON.parse(text())).toEqual(before);
  // Another process, which knows nothing of the file.
  new Trace().span({ row: "vm7", name: "ready", begun: 3, took: 1 });
  expect(closed().slice(0, 2)).toEqual(before);
  expect(closed()).toHaveLength(4);
});

test("without a file no trace is written", () => {
  process.env.HORNET_TRACE = "";
  expect(() => trace.span({ row: "vm7", name: "x", begun: 0, took: 1 })).not.toThrow();
});
