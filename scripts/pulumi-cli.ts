/** Runs the Pulumi CLI that the set-up found, for any stack. */
import { spawn } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { availableParallelism, homedir } from "node:os";
import { resolve } from "node:path";
import { closeTrace } from "../host/trace";
import { backendIn } from "../operator/backend";
import { LOCAL, checkout, localPaths } from "./local/paths";

/** The CLI's place, as the set-up reports it; see scripts/setup/setup.mjs. */
export interface Paths {
  /** The folder of `pulumi`. */
  readonly pulumi: string;
  /** Folders for the front of PATH. */
  readonly path: readonly string[];
}

/** The result of a command whose output was captured. */
export interface Finished {
  readonly code: number;
  readonly stdout: string;
}

/** Whether the CLI was built by the set-up, on a machine that reaches package registries and no more. */
function isBuilt({ pulumi }: Paths): boolean {
  const cache =
    process.env.HORNET_CACHE ?? resolve(process.env.XDG_CACHE_HOME ?? resolve(homedir(), ".cache"), "hornet");
  return pulumi.startsWith(resolve(cache));
}

/** The folder of the stand-in for the plugin of @pulumi/command. */
const STAND_IN = resolve(checkout, "sandbox/command/bin");

/**
 * Whether the stand-in for the plugin of @pulumi/command is on the CLI's PATH: the CLI can download no plugin, no real one is
 * installed, and the stack may have steps. The CLI prefers a plugin on PATH to an installed one, and warns of it.
 */
export function usesStandIn(paths: Paths, stack: string): boolean {
  if (!isBuilt(paths)) return false;
  const plugins = resolve(process.env.PULUMI_HOME ?? resolve(homedir(), ".pulumi"), "plugins");
  if (existsSync(plugins) && readdirSync(plugins).some((name) => name.startsWith("resource-command-v"))) return false;
  if (stack !== LOCAL) return true;
  const { config, stackFile } = localPaths();
  const has = (file: string, words: RegExp): boolean => existsSync(file) && words.test(readFileSync(file, "utf8"));
  return has(config, /hornet:steps/) || has(stackFile, /"command:(?:local|remote):/);
}

/**
 * The environment for the CLI. It sets state, passphrase and stack for the stack `local`; for any other stack the
 * user's own backend and login stay untouched.
 */
export function pulumiEnvironment(paths: Paths, stack: string): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    PATH: [...paths.path, process.env.PATH, ...(usesStandIn(paths, stack) ? [STAND_IN] : [])].join(":"),
    PULUMI_SKIP_UPDATE_CHECK: "true",
    PULUMI_SUPPRESS_NEO_LINK: "true",
    ...(isBuilt(paths) && { PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true" }),
  };
  if (stack !== LOCAL) return env;
  const { state, passphrase } = localPaths();
  // It would win over the file.
  delete env.PULUMI_CONFIG_PASSPHRASE;
  return {
    ...env,
    PULUMI_BACKEND_URL: backendIn(state),
    PULUMI_CONFIG_PASSPHRASE_FILE: passphrase,
    PULUMI_STACK: LOCAL,
  };
}

/** How {@link runPulumi} runs it. */
export interface RunOptions {
  readonly capture?: boolean;
  readonly cwd?: string;
  /** Added to the environment of the stack. */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Runs the CLI on this terminal, or, with `capture`, keeps what it prints on stdout.
 *
 * @returns its exit code; 128 and the signal's number where a signal ended it
 * @throws where it cannot be started
 */
export function runPulumi(
  paths: Paths,
  stack: string,
  args: readonly string[],
  { capture = false, cwd = process.cwd(), env = {} }: RunOptions = {},
): Promise<Finished> {
  return new Promise((done, fail) => {
    const child = spawn(resolve(paths.pulumi, "pulumi"), args, {
      cwd,
      env: { ...pulumiEnvironment(paths, stack), ...env },
      stdio: ["inherit", capture ? "pipe" : "inherit", "inherit"],
    });
    // The terminal's Ctrl-C reaches the CLI as well, which then stops after the step it is at; this process waits.
    const wait = (): void => undefined;
    process.on("SIGINT", wait);
    const forward = (signal: NodeJS.Signals): void => void child.kill(signal);
    process.on("SIGTERM", forward);
    let stdout = "";
    child.stdout?.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.on("error", (error) => fail(new Error(`${paths.pulumi}/pulumi could not be started: ${error.message}`)));
    child.on("close", (code, signal) => {
      process.removeListener("SIGINT", wait);
      process.removeListener("SIGTERM", forward);
      closeTrace();
      done({ code: code ?? (signal === "SIGINT" ? 130 : 143), stdout });
    });
  });
}

/**
 * The options for an `up` or a `destroy` that asks nothing. The engine works on four resources a core of the operator's machine at
 * once when it is left to itself; but the work is the droplet's, and is waited for, so a small machine gets as many as a usual one.
 */
export function unattendedOptions(): string[] {
  const parallel = String(Math.max(16, 4 * availableParallelism()));
  return ["--yes", "--skip-preview", "--suppress-outputs", "--suppress-permalink=true", "--parallel", parallel];
}

/** The options that a command on the stack `local` is run with. */
export function localOptions(): string[] {
  return ["--stack", LOCAL, "--config-file", localPaths().config, "--cwd", checkout];
}
