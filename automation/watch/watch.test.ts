/** A watcher that looks again and again: what it repairs, leaves alone, writes down, and how it ends. */
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pauseAfter, watch, type Settings } from "../../scripts/watch";
import { readPromText } from "../../test/support/promText";
import { UserError } from "../errors";
import type { Drift } from "../events";

let folder: string;
let printed: jest.SpyInstance;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hornet-watch-"));
  printed = jest.spyOn(console, "log").mockImplementation();
});
afterEach(() => {
  printed.mockRestore();
  rmSync(folder, { recursive: true });
});

const drift: Drift = {
  clone: "vm1",
  resource: "FirecrackerVM vm1",
  urn: "urn:vm1",
  message: "VMM exited with 137 at 2026-11-27T21:49:21Z (pid 498)",
};
const failure = (): UserError => new UserError({ stack: "dev", operation: "preview", failures: [] });

/** A stack whose looks find what the steps say, one after the other; the last look ends the watcher, as systemd does. */
function stackOf(
  steps: readonly (Drift | "nothing" | "unreachable")[],
): Settings["stack"] & { readonly ups: unknown[] } {
  let at = 0;
  const ups: unknown[] = [];
  const clones = [{ name: "vm1", urn: "urn:vm1", timings: { ready: 1500 } }];
  return {
    name: "dev",
    ups,
    preview: () => {
      const step = steps[at++];
      if (at === steps.length) process.emit("SIGTERM");
      if (step === "unreachable") return Promise.reject(failure());
      return Promise.resolve({ drift: typeof step === "object" ? [step] : [], changes: [] });
    },
    up: ({ exclude, onEvent }: { exclude: unknown; onEvent: (event: unknown) => void }) => {
      ups.push(exclude);
      onEvent({ type: "clone", clone: "vm1", change: "restarted", reason: drift.message });
      return Promise.resolve();
    },
    state: () => Promise.resolve({ clones }),
    clones: () => Promise.resolve(clones),
  } as never;
}

const settings = (stack: Settings["stack"], budget: number): Settings => ({
  stack,
  every: 1000,
  repair: true,
  budget,
  log: join(folder, "log/watch.jsonl"),
  memory: join(folder, "watch.json"),
  metrics: join(folder, "hornet.prom"),
  map: undefined,
});

const events = (): string[] =>
  readFileSync(join(folder, "log/watch.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => (JSON.parse(line) as { event: string }).event);

test("it goes on after a look that fails, repairs drift within its budget, and ends with a signal", async () => {
  const stack = stackOf(["unreachable", drift, drift, "nothing"]);
  expect(await watch(settings(stack, 1))).toBe(0);
  // The second drift is beyond the budget of one restart within an hour.
  expect(stack.ups).toEqual([[]]);
  expect(events()).toEqual(["error", "drift", "clone", "repaired", "drift", "given-up"]);
  const series = readPromText(readFileSync(join(folder, "hornet.prom"), "utf8"));
  expect(series).toMatchObject({
    'hornet_watch_look_success{stack="dev"}': 1,
    'hornet_watch_drift{stack="dev"}': 0,
    'hornet_watch_drift_seen_total{stack="dev"}': 2,
    'hornet_watch_drift_repaired_total{stack="dev"}': 1,
    'hornet_watch_restarts_total{stack="dev",reason="killed"}': 1,
    'hornet_watch_ready_seconds{stack="dev",quantile="0.5"}': 1.5,
  });
  expect(statSync(join(folder, "hornet.prom")).mode & 0o777).toBe(0o644);
  expect(process.listenerCount("SIGTERM")).toBe(0);
});

test("the exit code is that of the last look", async () => {
  expect(await watch(settings(stackOf([drift]), 0))).toBe(1);
  expect(await watch(settings(stackOf(["unreachable"]), 0))).toBe(2);
});

test("the pause doubles with each failure in a row, up to 15 minutes", () => {
  expect([0, 1, 2, 3].map((failures) => pauseAfter(failures, 60_000))).toEqual([60_000, 120_000, 240_000, 480_000]);
  expect(pauseAfter(9, 60_000)).toBe(900_000);
  expect(pauseAfter(9, 3_600_000)).toBe(3_600_000);
});
