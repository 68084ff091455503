import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { checkout } from "../../sandbox/droplet/paths";
import { addToConfig } from "../../automation/local/config";
import { LOCAL, localPaths } from "../../operator/localPaths";
import { prepareStack } from "../../automation/local/stack";
import { localOptions, pulumiEnvironment, unattendedOptions, type Paths } from "../../automation/cli";
import type { CallRecord } from "./driveTypes";
import type { Entry } from "./shape";

/** A stack that the real CLI creates and destroys. */
export interface BenchStack {
  /** Prepares it for that many clones; not measured. */
  prepare(count: number): Promise<void>;
  /** Runs a command of the CLI on it, and returns its ms. */
  run(command: "up" | "destroy", ...args: string[]): Promise<number>;
  /** Its state's file. */
  readonly state: string;
}

/** Runs a command and returns its ms. Throws with its output where it fails. */
function timed(argv: readonly [string, ...string[]], env: NodeJS.ProcessEnv, cwd: string): Promise<number> {
  const begun = performance.now();
  return new Promise((done, fail) => {
    const child = spawn(argv[0], argv.slice(1), { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => (said += text));
    }
    child.on("error", fail);
    child.on("close", (code) => {
      if (code === 0) done(performance.now() - begun);
      else fail(new Error(`${argv.slice(0, 2).join(" ")} failed (${code ?? "killed"}):\n${said}`));
    });
  });
}

/** Hornet's own program on one or several simulated droplets, as the stack `local` in the bench's folder. */
export class HornetStack implements BenchStack {
  private readonly calls: string;

  constructor(
    private readonly paths: Paths,
    /** Its name, or the entries of `hornet:droplets`. */
    private readonly droplet: string | Readonly<Record<string, object>>,
    /** A snapshot's folder, for the stub; default: real guests of a snapshot that a boot makes. */
    private readonly snapshot?: string,
    /** Added to the CLI's environment. */
    private readonly more: Readonly<Record<string, string>> = {},
    /** Added to the stack's config. */
    private readonly config: Readonly<Record<string, object>> = {},
  ) {
    this.calls = join(localPaths().folder, "calls");
  }

  get state(): string {
    return localPaths().stackFile;
  }

  /**
   * @param count clones; entries of `hornet:droplets` have their own counts
   * @param agent the shell command of every guest's agent; default: none
   */
  async prepare(count: number, env: Readonly<Record<string, string>> = {}, agent?: string): Promise<void> {
    await prepareStack(this.paths);
    const stub = this.snapshot !== undefined;
    addToConfig({
      config: {
        ...(typeof this.droplet === "string"
          ? { "hornet:droplet": { simulated: this.droplet } }
          : { "hornet:droplet": {}, "hornet:droplets": this.droplet }),
        "hornet:snapshot": stub ? { path: this.snapshot } : { boot: { timeout: 300 } },
        "hornet:fleet": { ...(typeof this.droplet === "string" && { count }), readyTimeout: stub ? 0 : 300 },
        "hornet:identity": { env },
        "hornet:agent": agent === undefined ? {} : { command: agent },
        // The stub runs no guest that could get an identity over ssh.
        "hornet:guest": { identity: "service" },
        "hornet:vmm": {},
        ...this.config,
      },
    });
  }

  run(command: "up" | "destroy", ...args: string[]): Promise<number> {
    rmSync(this.calls, { force: true });
    const loader = join(checkout, "bench/support/trace.cjs");
    const env: NodeJS.ProcessEnv = { ...pulumiEnvironment(this.paths, LOCAL), ...this.more };
    env.HORNET_BENCH_CALLS = this.calls;
    env.NODE_OPTIONS = [env.NODE_OPTIONS, `--require ${JSON.stringify(loader)}`].join(" ");
    return timed(
      [join(this.paths.pulumi, "pulumi"), command, ...unattendedOptions(), ...localOptions(), ...args],
      env,
      checkout,
    );
  }

  /** The calls that the last run made on the droplet. */
  lastCalls(): CallRecord[] {
    if (!existsSync(this.calls)) return [];
    const lines = readFileSync(this.calls, "utf8").split("\n").slice(0, -1);
    return lines.map((line) => JSON.parse(line) as CallRecord);
  }
}

/** The same number of idle resources with the same dependencies (bench/floor), in a separate folder. */
export class FloorStack implements BenchStack {
  private readonly folder: string;
  private readonly env: NodeJS.ProcessEnv;
  readonly state: string;

  /** @param kind `loaded`: the resources have the properties of Hornet's too */
  constructor(
    private readonly paths: Paths,
    root: string,
    kind: "floor" | "loaded" = "floor",
    /** Added to the CLI's environment. */
    more: Readonly<Record<string, string>> = {},
  ) {
    this.folder = join(root, kind);
    this.state = join(root, `${kind}-state/.pulumi/stacks/floor/bench.json`);
    const env = pulumiEnvironment(paths, "bench");
    delete env.PULUMI_CONFIG_PASSPHRASE_FILE;
    // The floor is the engine as it comes, with all of the SDK.
    delete env.NODE_OPTIONS;
    this.env = {
      ...env,
      PULUMI_BACKEND_URL: `file://${join(root, `${kind}-state`)}`,
      PULUMI_CONFIG_PASSPHRASE: "floor",
      PULUMI_STACK: "bench",
      ...(kind === "loaded" && { FLOOR_LOADED: "1" }),
      ...more,
    };
  }

  /** Sets its resources to those of that many clones. */
  setShape(count: number, shape: readonly Entry[]): void {
    mkdirSync(this.folder, { recursive: true });
    writeFileSync(this.shapeFile(count), JSON.stringify(shape));
  }

  private shapeFile(count: number): string {
    return join(this.folder, `${count}.json`);
  }

  async prepare(count: number): Promise<void> {
    this.env.FLOOR_SHAPE = this.shapeFile(count);
    if (existsSync(this.state)) return;
    cpSync(join(checkout, "bench/floor"), this.folder, { recursive: true });
    symlinkSync(join(checkout, "node_modules"), join(this.folder, "node_modules"));
    mkdirSync(`${this.folder}-state`, { recursive: true });
    await timed([this.cli, "stack", "init", "bench"], this.env, this.folder);
  }

  run(command: "up" | "destroy", ...args: string[]): Promise<number> {
    return timed([this.cli, command, ...unattendedOptions(), ...args], this.env, this.folder);
  }

  private get cli(): string {
    return join(this.paths.pulumi, "pulumi");
  }
}
