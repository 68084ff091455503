import { spawn } from "node:child_process";
import { join } from "node:path";
import { readResult } from "../report/result";
import type { Context } from "../support/context";

/** The parts of an old checkout's bench that are measured; their series begin with `work.`, `up.`, `same.` and so on. */
const COMPARED = ["work", "up"] as const;

/**
 * Runs the bench of another checkout once, with the same counts and files, and adds its series: `up.hornet.10` there is
 * `up.old.10` here.
 *
 * @throws Error with the exit code where that bench cannot be run
 */
export async function measureOld(context: Context, folder: string): Promise<void> {
  const { options, stages, results } = context;
  const parts = COMPARED.filter((part) => options.only.includes(part));
  if (parts.length === 0) return;
  context.say(`${parts.join(" and ")} of ${folder}`);
  const file = join(stages.folder, "old.json");
  const { counts, size, fill } = options;
  const args = ["--runs", "1", "--counts", counts.join(","), "--size", String(size), "--fill", String(fill)];
  await run([process.execPath, "bench/run.mjs", "--only", parts.join(","), ...args, "--json", file], folder);
  for (const [name, { unit, values }] of Object.entries(readResult(file).series)) {
    if (name.includes(".hornet."))
      for (const value of values) results.add(name.replace(".hornet.", ".old."), unit, value);
  }
}

function run([command, ...args]: readonly [string, ...string[]], folder: string): Promise<void> {
  // Its own set-up decides about its programs.
  const env = { ...process.env };
  delete env.INIT_CWD;
  delete env.HORNET_STATE;
  return new Promise((done, fail) => {
    const child = spawn(command, args, { cwd: folder, env, stdio: ["ignore", "ignore", "inherit"] });
    child.on("error", fail);
    child.on("close", (code) => {
      if (code === 0) done();
      else fail(new Error(`the bench of ${folder} ended with exit code ${code ?? "none"}`));
    });
  });
}
