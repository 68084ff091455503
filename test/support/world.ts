/**
 * A world of its own for a story: a folder in place of the checkout's `.hornet`, in it a simulated droplet named
 * `local` and the stack `local`, reached by the commands that a person types.
 */
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { dropletExec, stopDroplet } from "../../sandbox/droplet";
import type { Captured } from "../../host/exec";
import { dropletPaths } from "../../sandbox/droplet/paths";
import { shareSnapshot } from "./sharedSnapshot";
import { run, succeed, type RunOptions } from "./run";
import { limitMs, settings } from "./settings";

const checkout = resolve(__dirname, "../..");

/** The simulated droplet's name, as Pulumi.local.yaml has it. */
export const droplet = "local";

export class World {
  private constructor(readonly folder: string) {}

  /**
   * Makes a world and starts its droplet. One at a time in a process, since the droplet's own functions find the folder
   * in the environment.
   */
  static begin(...dropletOptions: string[]): Promise<World> {
    return World.beginIn("hornet-world-", ...dropletOptions);
  }

  /** The same in a folder whose name begins so. */
  static async beginIn(name: string, ...dropletOptions: string[]): Promise<World> {
    const world = new World(await mkdtemp(join(tmpdir(), name)));
    process.env.HORNET_STATE = world.folder;
    const { firecracker, kernel, rootfs, snapshot } = settings();
    const chosen = Object.entries({ firecracker, kernel, rootfs }).flatMap(([name, path]) =>
      path === undefined ? [] : [`--${name}`, path],
    );
    await mkdir(world.temporary);
    try {
      await world.npm("droplet", "start", droplet, ...chosen, ...dropletOptions);
      if (snapshot !== undefined && dropletOptions.length === 0) {
        await shareSnapshot(snapshot, dropletPaths(droplet).swarm);
      }
    } catch (error) {
      await world.end();
      throw error;
    }
    return world;
  }

  /** Ends the droplet with all that is in it and removes the folder. */
  async end(): Promise<void> {
    await stopDroplet(droplet, { purge: true });
    delete process.env.HORNET_STATE;
    await rm(this.folder, { recursive: true, force: true });
  }

  private get temporary(): string {
    return join(this.folder, "tmp");
  }

  /** What the commands left in the operator's temporary folder. */
  async leftovers(): Promise<string[]> {
    return readdir(this.temporary);
  }

  private options(): RunOptions {
    const env = { ...process.env, HORNET_STATE: this.folder, TMPDIR: this.temporary };
    return { cwd: checkout, env, limit: limitMs(1800) };
  }

  /** `npm run SCRIPT -- ARGUMENT…`, which must succeed. */
  npm(script: string, ...args: string[]): Promise<string> {
    return succeed(["npm", "run", "--silent", script, "--", ...args], this.options());
  }

  /** The same, whatever comes of it. */
  tryNpm(script: string, ...args: string[]): Promise<Captured> {
    return run(["npm", "run", "--silent", script, "--", ...args], this.options());
  }

  /**
   * Sets keys of the stack's config, and the limits that a slow machine needs. Nothing restarts a VMM between operations, unless the
   * keys say so: most tests that end a VMM are about the next operation.
   */
  async configure(keys: Readonly<Record<string, string | number | boolean>> = {}): Promise<void> {
    const { timeoutScale } = settings();
    const limits = {
      "hornet:fleet.readyTimeout": Math.ceil(120 * timeoutScale),
      "hornet:snapshot.boot.timeout": Math.ceil(120 * timeoutScale),
      "hornet:vmm.recovery.restart": "never",
    };
    const values = Object.entries({ ...limits, ...keys }).flatMap(([key, value]) => ["--plaintext", `${key}=${value}`]);
    await this.npm("pulumi", "config", "set-all", "--path", ...values);
  }

  /** A command in a clone, through the written ssh_config by a stock ssh, which must succeed. */
  async in(clone: string, command: string): Promise<string> {
    return (await succeed(this.sshArguments(clone, command), this.options())).trimEnd();
  }

  /** The same, whatever comes of it. */
  tryIn(clone: string, command: string): Promise<Captured> {
    return run(this.sshArguments(clone, command), this.options());
  }

  /**
   * How many processes of a clone `ps` shows that match. A shell that has forked and not become another program yet looks like
   * one more; one that stays is seen at every look.
   */
  async processesIn(clone: string, pattern: string): Promise<number> {
    const looks = `for i in 1 2 3; do ps | grep -c '${pattern}'; sleep 0.3; done | sort -n | head -n 1`;
    return Number(await this.in(clone, looks));
  }

  private sshArguments(clone: string, command: string): [string, ...string[]] {
    const { timeoutScale } = settings();
    // A guest whose process takes all of its CPU needs longer to its banner than a clone without readyTimeout is given.
    const patience = timeoutScale > 1 ? ["-o", `ConnectTimeout=${Math.ceil(60 * timeoutScale)}`] : [];
    return ["ssh", "-F", join(this.folder, "local", "ssh_config"), ...patience, clone, command];
  }

  /** A command in the droplet itself, past ssh, which must succeed. */
  async onDroplet(script: string): Promise<string> {
    const { code, ...said } = await dropletExec(droplet, ["bash", "-c", script]).then(({ exitCode, ...rest }) => ({
      code: exitCode,
      ...rest,
    }));
    if (code !== 0) throw new Error(`on the droplet: ${script}\nended with ${code}\n${said.stdout}\n${said.stderr}`);
    return said.stdout.trimEnd();
  }

  /** The stack's outputs. */
  async outputs(): Promise<unknown> {
    return JSON.parse(await this.npm("pulumi", "stack", "output", "--json"));
  }
}
