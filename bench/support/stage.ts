import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { Connection } from "../../model/connection";
import { dropletExec, startDroplet, stopDroplet, type StartOptions } from "../../sandbox/droplet";
import { checkout, dropletPaths } from "../../sandbox/droplet/paths";

/** A simulated droplet for measurements. */
export interface Stage {
  readonly name: string;
  readonly connection: Connection;
}

/** The folder in which the archive's script expects its snapshot; Hornet gets the same files. */
export const SNAPSHOT = "/opt/swarm/snapshots/alpine3.19-hornetos-v2";

/**
 * The folder and the droplets of one run of the bench. `HORNET_STATE` names it, so that nothing of the checkout's own
 * `.hornet` is touched.
 */
export class Stages {
  private readonly known = new Map<string, Promise<Stage>>();
  private readonly before = process.env.HORNET_STATE;
  readonly folder = mkdtempSync(join(tmpdir(), "hornet-bench-"));

  constructor() {
    process.env.HORNET_STATE = this.folder;
  }

  /** The droplet of a name, started at the first request. */
  get(options: StartOptions, prepare: (stage: Stage) => Promise<void> = () => Promise.resolve()): Promise<Stage> {
    const known = this.known.get(options.name);
    if (known !== undefined) return known;
    const starting = this.start(options, prepare);
    this.known.set(options.name, starting);
    return starting;
  }

  private async start(options: StartOptions, prepare: (stage: Stage) => Promise<void>): Promise<Stage> {
    const { droplet } = await startDroplet(options);
    const { name, host, user, port, privateKeyPath, hostKey } = droplet;
    const stage = { name, connection: { host, user, port, privateKeyPath, hostKey } };
    await prepare(stage);
    return stage;
  }

  /** Removes all droplets and forgets the stacks on them; they start from scratch at the next request. */
  async clear(): Promise<void> {
    const names = [...this.known.keys()];
    this.known.clear();
    for (const name of names) await stopDroplet(name, { purge: true });
    for (const entry of readdirSync(this.folder)) rmSync(join(this.folder, entry), { recursive: true, force: true });
  }

  /** The same, and removes the folder. */
  async end(): Promise<void> {
    await this.clear();
    rmSync(this.folder, { recursive: true, force: true });
    if (this.before === undefined) delete process.env.HORNET_STATE;
    else process.env.HORNET_STATE = this.before;
  }
}

/**
 * Runs one of the bench's shell scripts inside a droplet without ssh.
 *
 * @returns its output
 * @throws Error with its output, where it fails
 */
export async function runInside(stage: Stage, script: string, args: readonly string[], input = ""): Promise<string> {
  const argv = ["bash", join(checkout, "bench/support", script), ...args];
  const { exitCode, stdout, stderr } = await dropletExec(stage.name, argv, input);
  if (exitCode !== 0) throw new Error(`${script} on the bench's droplet failed (${exitCode}):\n${stdout}\n${stderr}`);
  return stdout;
}

/** Makes the files from which both sides start clones: `size` MiB of memory and of disk, `fill` percent not zero. */
export async function makeSnapshot(stage: Stage, size: number, fill: number): Promise<void> {
  const loader = [process.execPath, join(checkout, "register.cjs"), join(checkout, "bench/support/fill.ts")];
  await runInside(stage, "prepare.sh", [String(size), String(fill), ...loader]);
}

/** Copies a file of this machine into a droplet and returns its path there. */
export function putInside(stage: Stage, file: string): string {
  const folder = join(dropletPaths(stage.name).opt, "bench");
  mkdirSync(folder, { recursive: true });
  copyFileSync(file, join(folder, basename(file)));
  return `/opt/bench/${basename(file)}`;
}

/** Waits until the kernel has deleted links and namespaces in the background, which is not measured. */
export async function settle(): Promise<void> {
  await new Promise((done) => setTimeout(done, 300));
}
