/**
 * One operator's process: runs the operations that it receives, one at a time. It crashes in tests, so it runs
 * separately: in the droplet, or outside of it over ssh.
 */
import { execFileSync } from "node:child_process";
import { readFileSync, rmSync, watch, writeFileSync } from "node:fs";
import { Sessions } from "../../host/session/sessions";
import { Operation } from "../../providers/operation/operation";
import { Engine } from "./engine";
import type { Job, WorkerMessage } from "./jobs";

function tell(message: WorkerMessage): void {
  process.send?.(message);
}

const actions = {
  operator: () => process.kill(process.pid, "SIGKILL"),
  ssh: () => execFileSync("sh", ["-c", `pkill -9 -P ${process.pid} -x ssh || :`]),
  vmm: () => tell({ kind: "vmm" }),
  power: () => tell({ kind: "power" }),
} as const;

/** Runs an action once, when the effect of this name or number begins. */
function when(effect: string | number, file: string, act: () => void): () => void {
  const watcher = watch(file, () => {
    const begun = readFileSync(file, "utf8").split("\n").slice(0, -1);
    if (typeof effect === "number" ? begun.length < effect : !begun.includes(effect)) return;
    watcher.close();
    act();
  });
  return () => watcher.close();
}

async function work(job: Job): Promise<void> {
  const { disturbance, effectsFile, traceFile } = job;
  rmSync(traceFile, { force: true });
  process.env.HORNET_TRACE = traceFile;
  delete process.env.HORNET_FAULT;
  delete process.env.HORNET_EFFECTS;
  let settled = (): void => undefined;
  if (effectsFile !== undefined) {
    writeFileSync(effectsFile, "");
    process.env.HORNET_EFFECTS = effectsFile;
  }
  if (disturbance?.kind === "fault") process.env.HORNET_FAULT = disturbance.fault;
  else if (disturbance !== undefined && effectsFile !== undefined) {
    settled = when(disturbance.effect, effectsFile, actions[disturbance.kind]);
  }
  const sessions = new Sessions();
  try {
    const outcome = await new Engine(job, new Operation(sessions)).run();
    await sessions.close();
    tell({ kind: "done", outcome });
  } finally {
    settled();
  }
}

// The output for a person; the outcome has the same.
const print = process.stderr.write.bind(process.stderr);
process.stderr.write = () => true;

process.on("message", (job: Job) => {
  work(job).catch((error: unknown) => {
    print(`${String(error)}\n`);
    process.exit(1);
  });
});
process.on("disconnect", () => {
  // The SDK would complain on exit about resources whose creation failed and whose promises never resolve.
  process.removeAllListeners("exit");
  process.exit(0);
});
