/**
 * Hornet for programs: a stack as an object, driven by Pulumi's own automation API with the settings of `npm run up`.
 * docs/automation.md shows how to use it.
 */
import { automation } from "@pulumi/pulumi";
import { existsSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { stringify } from "yaml";
import { capture } from "../host/exec";
import { HornetError } from "../host/errors";
import { writeWhole } from "../host/wholeFile";
import { findPulumi, type Paths } from "./cli";
import { changeConfig, type ConfigChanges } from "./config";
import { typedError } from "./errors";
import type { FleetEvent } from "./events";
import { prepareStack } from "./local/stack";
import { defaultProject, placeOf, projectName, type Place } from "./place";
import { FleetStack } from "./stack";

export { secret, type ConfigChanges, type ConfigValue, type Secret } from "./config";
export {
  BugError,
  CancelledError,
  LockedError,
  StackError,
  UserError,
  type Failure,
  type OperationName,
} from "./errors";
export type { Change, Drift, FleetEvent } from "./events";
export type { Promotion } from "./promote";
export { FleetStack, type OperationOptions, type Outcome, type Preview, type Progress, type UpOptions } from "./stack";
export type { FleetClone, FleetDroplet, FleetState } from "./state";

/** Which stack to open. */
export interface StackOptions {
  readonly stack: string;
  /** The folder of the project: Pulumi.yaml, its program and Pulumi.STACK.yaml. Default: this package's own program. */
  readonly workDir?: string;
  /** A program in this process, in place of the folder's. Its resources find Hornet from `workDir` by the name `hornet`. */
  readonly program?: automation.PulumiFn;
  /** Applied to the stack's config file at once: `{"fleet.count": 3, droplet: {host: "203.0.113.10"}}`. */
  readonly config?: ConfigChanges;
  /** Whether to make the stack if the backend has none of that name. Default: yes */
  readonly create?: boolean;
  /** Variables for Pulumi, such as PULUMI_BACKEND_URL; everything else comes from this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Called with the events of every operation. */
  readonly onEvent?: (event: FleetEvent) => void;
  /** Where the Pulumi CLI is. Default: a recent one on PATH, or the one that Hornet builds */
  readonly paths?: Paths;
}

/**
 * Opens a stack, and makes it where it is missing. No droplet is contacted.
 *
 * @throws UserError if the CLI, the backend or the config cannot be used
 */
export async function openStack(options: StackOptions): Promise<FleetStack> {
  const { stack, program, config = {}, create = true, onEvent = () => undefined } = options;
  const about = { stack, operation: "open", failures: [] } as const;
  try {
    if (/^$|^-|\s/.test(stack)) throw new HornetError(`"${stack}" is not the name of a stack`);
    const paths = options.paths ?? (await findPulumi());
    const place = placeOf(paths, options);
    if (place.isLocal) await prepareStack(paths);
    else await ensureStack(paths, place, create, program !== undefined);
    if (Object.keys(config).length > 0) await changeConfig(paths, place, config);
    return new FleetStack(paths, place, await engineOf(paths, place, program), onEvent);
  } catch (error) {
    throw typedError(error, about, false);
  }
}

async function ensureStack(paths: Paths, place: Place, create: boolean, inline: boolean): Promise<void> {
  const { stack, workDir, env } = place;
  if (!existsSync(workDir)) throw new HornetError(`there is no folder ${workDir}`);
  if (projectName(workDir) === undefined) {
    if (!inline) throw new HornetError(`${workDir} has no Pulumi.yaml`);
    writeWhole(join(workDir, "Pulumi.yaml"), stringify(projectOf(workDir)), 0o644);
  }
  const run = (...command: string[]): ReturnType<typeof capture> =>
    capture([resolve(paths.pulumi, "pulumi"), ...command, "--non-interactive"], { cwd: workDir, env });
  const found = await run("stack", "--stack", stack, "--show-name");
  if (found.code === 0) return;
  if (!found.stderr.includes("no stack named") || !create) {
    throw new HornetError(`the stack ${stack} cannot be opened`, { details: [found.stderr.trim()] });
  }
  const made = await run("stack", "init", "--no-select", stack);
  if (made.code !== 0 && !made.stderr.includes("already exists")) {
    throw new HornetError(`the stack ${stack} cannot be made`, { details: [made.stderr.trim()] });
  }
}

/** A project for an inline program: every `up` compares with the droplet first, as in this checkout's own Pulumi.yaml. */
function projectOf(workDir: string): object {
  return { name: defaultProject(workDir), runtime: "nodejs", options: { refresh: "always" } };
}

async function engineOf(
  paths: Paths,
  { stack, workDir, env }: Place,
  program: automation.PulumiFn | undefined,
): Promise<automation.Stack> {
  // The SDK finds the CLI below a root's folder `bin`, or on PATH.
  const root = basename(paths.pulumi) === "bin" ? { root: dirname(paths.pulumi) } : {};
  const pulumiCommand = await automation.PulumiCommand.get(root);
  const workspace = await automation.LocalWorkspace.create({
    workDir,
    pulumiCommand,
    // Undefined variables stay out of the CLI's environment, which the SDK's type does not say.
    envVars: env as Record<string, string>,
    ...(program !== undefined && { program }),
  });
  // Selecting would change which stack the user's own commands in this folder are for.
  workspace.selectStack = () => Promise.resolve();
  const engine = await automation.Stack.select(stack, workspace);
  // After each operation the SDK asks the CLI for the outputs, secret ones too, and for the history: three more runs, which
  // know no --config-file and write a salt into the config file in git.
  engine.outputs = () => Promise.resolve({});
  engine.info = () => Promise.resolve(undefined);
  return engine;
}
