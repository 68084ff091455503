import { mkdtempSync, readFileSync, rmSync, writeFileSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parse, stringify } from "yaml";
import { dropletExec, observeDroplet, stopDroplet, type Observation } from "../../sandbox/droplet";
import type { Captured } from "../../host/exec";
import { run, succeed, type RunOptions } from "./run";
import { limitMs, settings, type Settings } from "./settings";

const checkout = resolve(__dirname, "../..");

/** Several stacks of the checkout's program, each on a simulated droplet of its own name, reached over ssh. */
export class Stacks {
  private own: { readonly url: string; readonly env?: Readonly<Record<string, string>> };

  private constructor(
    private readonly folder: string,
    private readonly names: readonly string[],
  ) {
    this.own = { url: `file://${join(folder, "backend")}` };
  }

  /** Starts the droplets and makes the stacks, with a state and config files of their own. */
  static begin(...names: string[]): Promise<Stacks> {
    return Stacks.beginWith(settings(), names);
  }

  /**
   * The same, with a VMM and a guest of the test's choice: paths on this machine.
   *
   * @param own the stacks to make. Default: one for each droplet, of its name
   */
  static async beginWith(
    { firecracker, kernel, rootfs }: Pick<Settings, "firecracker" | "kernel" | "rootfs">,
    names: readonly string[],
    own: readonly string[] = names,
  ): Promise<Stacks> {
    const stacks = new Stacks(mkdtempSync(join(tmpdir(), "hornet-stacks-")), names);
    process.env.HORNET_STATE = stacks.folder;
    try {
      for (const folder of ["backend", "project"]) mkdirSync(join(stacks.folder, folder));
      const main = join(checkout, "program.cjs");
      const runtime = { name: "nodejs", options: { typescript: false } };
      const project = { name: "hornet", runtime, main, options: { refresh: "always" } };
      writeFileSync(join(stacks.project, "Pulumi.yaml"), stringify(project));
      for (const name of names) {
        const given = Object.entries({ firecracker, kernel, rootfs }).flatMap(([key, path]) =>
          path === undefined ? [] : [`--${key}`, path],
        );
        await succeed(["npm", "run", "--silent", "droplet", "--", "start", name, ...given], stacks.options());
      }
      for (const stack of own) await stacks.pulumi("stack", "init", "--no-select", stack);
    } catch (error) {
      await stacks.end();
      throw error;
    }
    return stacks;
  }

  /** Ends the droplets with all that is in them. */
  async end(): Promise<void> {
    for (const name of this.names) await stopDroplet(name, { purge: true });
    delete process.env.HORNET_STATE;
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** The backend with the state; a folder, unless a test uses another one. */
  get backend(): string {
    return this.own.url;
  }

  /** Uses another backend from now on, with the variables that its client needs. */
  use(backend: { readonly url: string; readonly env?: Readonly<Record<string, string>> }): void {
    this.own = backend;
  }

  /** The folder with the stacks' config files. */
  get project(): string {
    return join(this.folder, "project");
  }

  /** A stack's config file. */
  configFile(stack: string): string {
    return join(this.project, `Pulumi.${stack}.yaml`);
  }

  /** Writes a stack's config; limits are raised for slow machines. */
  configure(stack: string, config: Readonly<Record<string, Readonly<Record<string, unknown>>>>): void {
    const file = this.configFile(stack);
    const kept = parse(readFileSync(file, "utf8")) as Record<string, unknown> | null;
    const limit = Math.ceil(120 * settings().timeoutScale);
    const fleet = { readyTimeout: limit, ...config.fleet };
    const boot = config.snapshot?.boot;
    const snapshot = boot === undefined ? config.snapshot : { ...config.snapshot, boot: { timeout: limit, ...boot } };
    const sections = Object.entries({
      droplet: { simulated: stack },
      ...config,
      ...(snapshot === undefined ? {} : { snapshot }),
      fleet,
    });
    const content = { ...kept, config: Object.fromEntries(sections.map(([key, value]) => [`hornet:${key}`, value])) };
    writeFileSync(file, stringify(content));
  }

  /** `pulumi ARGUMENT…`, which must succeed. */
  async pulumi(...args: string[]): Promise<string> {
    const ended = await this.tryPulumi(...args);
    if (ended.code === 0) return ended.stdout;
    throw new Error(`pulumi ${args.join(" ")} ended with ${ended.code}\n${ended.stdout}\n${ended.stderr}`);
  }

  /** The same, whatever comes of it. */
  tryPulumi(...args: string[]): Promise<Captured> {
    return run(["npm", "run", "--silent", "pulumi", "--", "--cwd", this.project, ...args], this.options());
  }

  /** `pulumi up` of a stack, which must succeed. */
  up(stack: string): Promise<string> {
    return this.pulumi("up", "--yes", "--skip-preview", "-s", stack);
  }

  /** `npm run SCRIPT`, whatever comes of it. */
  tryNpm(script: string, ...args: string[]): Promise<Captured> {
    return run(["npm", "run", "--silent", script, "--", ...args], this.options());
  }

  /** A stack's outputs. */
  async outputs(stack: string): Promise<unknown> {
    return JSON.parse(await this.pulumi("stack", "output", "--json", "-s", stack));
  }

  /** A command on a droplet, past ssh, which must succeed. */
  async on(droplet: string, script: string): Promise<string> {
    const { exitCode, stdout, stderr } = await dropletExec(droplet, ["bash", "-c", script]);
    if (exitCode !== 0) throw new Error(`on ${droplet}: ${script}\nended with ${exitCode}\n${stdout}\n${stderr}`);
    return stdout.trimEnd();
  }

  /** A command in a clone, through the stack's ssh_config. */
  async in(stack: string, clone: string, command: string): Promise<string> {
    const config = join(this.folder, stack, "ssh_config");
    return (await succeed(["ssh", "-F", config, clone, command], this.options())).trimEnd();
  }

  observe(droplet: string): Promise<Observation> {
    return observeDroplet(droplet);
  }

  /** The variables of a program that drives the stacks. */
  get variables(): Readonly<Record<string, string>> {
    return {
      ...this.own.env,
      HORNET_STATE: this.folder,
      PULUMI_BACKEND_URL: this.backend,
      PULUMI_CONFIG_PASSPHRASE: "of tests",
    };
  }

  private options(): RunOptions {
    return { cwd: checkout, env: { ...process.env, ...this.variables }, limit: limitMs(600) };
  }
}
