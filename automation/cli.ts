/**
 * The Pulumi CLI: where it is, its environment and options for a stack, and runs of it on this terminal. Everything of
 * Hornet's that drives Pulumi, from a script or from a program, takes these settings from here.
 */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { availableParallelism, homedir } from "node:os";
import { resolve } from "node:path";
import { capture, runOnTerminal } from "../host/exec";
import { HornetError } from "../host/errors";
import { closeTrace } from "../host/trace";
import { backendIn, filled } from "../operator/backend";
import { cacheFolder } from "../operator/cacheFolder";
import { LOCAL, checkout, localPaths } from "../operator/localPaths";

/** The folder of the CLI, as the set-up reports it; see scripts/setup/setup.mjs. */
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

/**
 * Finds the CLI as `npm run up` does: a recent one on PATH, or the one that Hornet builds, which takes minutes the first
 * time.
 *
 * @throws HornetError that says what is missing
 */
export async function findPulumi(): Promise<Paths> {
  const { code, stdout, stderr } = await capture([process.execPath, resolve(checkout, "scripts/setup/pulumi.mjs")]);
  const pulumi = stdout.trim();
  if (code !== 0 || pulumi === "") {
    throw new HornetError("no Pulumi CLI can be used on this machine", {
      details: [stderr.trim()],
      next: "install Pulumi 3.230 or later, or Go 1.25 or later, with which Hornet builds it",
    });
  }
  // Pulumi's packages bring the program that starts dynamic providers, and the CLI warns of a second one.
  const complete = existsSync(resolve(pulumi, "pulumi-resource-pulumi-nodejs"));
  return { pulumi, path: complete ? [pulumi] : [pulumi, resolve(checkout, "node_modules/@pulumi/pulumi")] };
}

/** Whether the CLI was built by the set-up, on a machine that reaches package registries and no more. */
function isBuilt({ pulumi }: Paths): boolean {
  return pulumi.startsWith(`${cacheFolder()}/`);
}

/** The folder of the stand-in for the plugin of @pulumi/command. */
const STAND_IN = resolve(checkout, "sandbox/command/bin");

/** Whether a real plugin of @pulumi/command is installed for the CLI; no stand-in is used then. */
export function hasCommandPlugin(): boolean {
  const plugins = resolve(process.env.PULUMI_HOME ?? resolve(homedir(), ".pulumi"), "plugins");
  return existsSync(plugins) && readdirSync(plugins).some((name) => name.startsWith("resource-command-v"));
}

/**
 * Whether the stand-in for the plugin of @pulumi/command is on the CLI's PATH: the CLI can download no plugin, no real one is
 * installed, and the stack may have steps. The CLI prefers a plugin on PATH to an installed one, and warns of it.
 *
 * @param stack a stack's name; the stack `local` of this checkout has steps only where its config or state name them
 */
export function usesStandIn(paths: Paths, stack: string): boolean {
  if (!isBuilt(paths) || hasCommandPlugin()) return false;
  if (stack !== LOCAL) return true;
  const { config, stackFile } = localPaths();
  const has = (file: string, words: RegExp): boolean => existsSync(file) && words.test(readFileSync(file, "utf8"));
  return has(config, /hornet:steps/) || has(stackFile, /"command:(?:local|remote):/);
}

/** Options for every Node that the CLI starts; see lazySdk.cjs. */
function nodeOptions(): string {
  const lazy = `--require ${JSON.stringify(resolve(checkout, "lazySdk.cjs"))}`;
  return [process.env.NODE_OPTIONS, lazy].filter(Boolean).join(" ");
}

/**
 * Adds this machine to a list of hosts that no proxy serves. Engine, program and providers talk by gRPC on 127.0.0.1, which the
 * SDK sends to the proxy that https_proxy names: every operation ended with "14 UNAVAILABLE".
 */
function withLoopback(hosts: string | undefined): string {
  return [...(hosts ?? "").split(",").filter((host) => host !== ""), "127.0.0.1", "localhost"].join(",");
}

/**
 * The environment for the CLI. It sets state, passphrase and stack for the stack `local` of this checkout; for any other stack
 * the user's own backend and login stay untouched. An undefined variable is one that the CLI must not have.
 *
 * @param isOurs false for a stack of another project that happens to be named `local`
 */
export function pulumiEnvironment(paths: Paths, stack: string, isOurs = stack === LOCAL): NodeJS.ProcessEnv {
  const standIn = usesStandIn(paths, isOurs ? stack : `another ${stack}`) ? [STAND_IN] : [];
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    PATH: [...paths.path, process.env.PATH, ...standIn].join(":"),
    PULUMI_SKIP_UPDATE_CHECK: "true",
    PULUMI_SUPPRESS_NEO_LINK: "true",
    NODE_OPTIONS: nodeOptions(),
    no_grpc_proxy: withLoopback(filled(process.env.no_grpc_proxy) ?? process.env.no_proxy),
    ...(isBuilt(paths) && { PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true" }),
  };
  if (!isOurs) return env;
  const { state, passphrase } = localPaths();
  return {
    ...env,
    // It would win over the file.
    PULUMI_CONFIG_PASSPHRASE: undefined,
    PULUMI_BACKEND_URL: backendIn(state),
    PULUMI_CONFIG_PASSPHRASE_FILE: passphrase,
    PULUMI_STACK: LOCAL,
  };
}

/** Options of {@link runPulumi}. */
export interface RunOptions {
  readonly capture?: boolean;
  readonly cwd?: string;
  /** Added to the environment of the stack. */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Runs the CLI on this terminal, or, with `capture`, keeps what it prints on stdout. It stops after its current step on Ctrl-C.
 *
 * @throws HornetError if it cannot be started
 */
export async function runPulumi(
  paths: Paths,
  stack: string,
  args: readonly string[],
  { capture: keep = false, cwd = process.cwd(), env = {} }: RunOptions = {},
): Promise<Finished> {
  const argv = [resolve(paths.pulumi, "pulumi"), ...args] as const;
  try {
    return await runOnTerminal(argv, { cwd, env: { ...pulumiEnvironment(paths, stack), ...env }, capture: keep });
  } finally {
    closeTrace();
  }
}

/**
 * How many resources the engine works on at once. By default it is four for each core of the operator's machine; but the
 * droplet does the work, so a small machine gets as many as a usual one.
 */
export function parallelism(): number {
  return Math.max(16, 4 * availableParallelism());
}

/** The options for an `up` or a `destroy` that asks nothing. */
export function unattendedOptions(): string[] {
  const parallel = String(parallelism());
  return ["--yes", "--skip-preview", "--suppress-outputs", "--suppress-permalink=true", "--parallel", parallel];
}

/**
 * The variables by which the engine goes on with the other droplets after one failed. It is no option, because the providers
 * (providers/operation/heldFailures.ts) see only variables.
 *
 * @param several whether the stack has several droplets
 */
export function goingOn(several: boolean): Readonly<Record<string, string>> {
  return several && process.env[GO_ON] === undefined ? { [GO_ON]: "true" } : {};
}

const GO_ON = "PULUMI_CONTINUE_ON_ERROR";

/** The options for a command on the stack `local`. */
export function localOptions(): string[] {
  return ["--stack", LOCAL, "--config-file", localPaths().config, "--cwd", checkout];
}
