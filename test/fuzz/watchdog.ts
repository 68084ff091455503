import { Worker } from "node:worker_threads";

/** Detects inputs that hang: an endless loop in this thread stops all its timers. */
export interface Watchdog {
  /** Notes that an input begins. */
  begin(describe: () => string): void;
  stop(): Promise<void>;
}

/** Longer inputs are reported cut. */
const SHOWN = 65_536;

const body = `
const { parentPort, workerData: { shared, text, name, limit } } = require("node:worker_threads");
const { writeSync } = require("node:fs");
const seen = { count: -1, since: Date.now() };
setInterval(() => {
  const count = Atomics.load(shared, 0);
  if (count !== seen.count) { seen.count = count; seen.since = Date.now(); return; }
  if (Date.now() - seen.since < limit * 1000) return;
  const input = Buffer.from(text).subarray(0, Atomics.load(shared, 1)).toString();
  writeSync(2, "\\n" + name + " hangs; record it in test/fuzz/corpus/" + name + ".json: " + input + "\\n");
  process.kill(process.pid, "SIGKILL");
}, 1000);
parentPort.on("message", () => process.exit(0));
`;

/**
 * Ends the whole process, after it has printed the input, when one input takes too long.
 *
 * @param limit seconds
 */
export function startWatchdog(name: string, limit: number): Watchdog {
  const shared = new Int32Array(new SharedArrayBuffer(8));
  const text = new Uint8Array(new SharedArrayBuffer(SHOWN));
  const worker = new Worker(body, { eval: true, workerData: { shared, text, name, limit } });
  worker.unref();
  return {
    begin: (describe) => {
      const { written } = new TextEncoder().encodeInto(describe(), text);
      Atomics.store(shared, 1, written);
      Atomics.add(shared, 0, 1);
    },
    stop: async () => {
      await worker.terminate();
    },
  };
}
