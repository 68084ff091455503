// @ts-check
"use strict";
/**
 * Loaded into every Node that the Pulumi CLI starts (NODE_OPTIONS). In the process that manages the resources it writes
 * each call of a library function as one JSON line to HORNET_BENCH_CALLS; in all others it does nothing.
 */
const file = process.env.HORNET_BENCH_CALLS;
if (file && /dynamic-provider/.test(process.argv[1] ?? "")) {
  const { appendFileSync } = require("node:fs");
  const { performance } = require("node:perf_hooks");
  require("../../register.cjs");
  require("./calls.ts").recordCalls({
    begun: () => undefined,
    ended: (/** @type {unknown} */ _call, /** @type {{ start: number, end: number }} */ record) => {
      // By the machine's clock, so that the process that started the CLI can compute the time to this point.
      const [start, end] = [performance.timeOrigin + record.start, performance.timeOrigin + record.end];
      appendFileSync(file, `${JSON.stringify({ ...record, start, end })}\n`);
    },
  });
}
