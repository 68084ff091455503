/** A stack that a program drives: the operations of `npm run up`, with the same settings, as methods. */
import { automation } from "@pulumi/pulumi";
import { resolve } from "node:path";
import { readStackFile } from "../config/stackFile";
import { capture } from "../host/exec";
import { HornetError } from "../host/errors";
import { closeTrace } from "../host/trace";
import { MANY, checkpointing } from "./checkpoints";
import { goingOn, parallelism, type Paths } from "./cli";
import { changeConfig, type ConfigChanges } from "./config";
import { typedError, type Failure, type OperationName } from "./errors";
import { EventReader, type Change, type Drift, type FleetEvent } from "./events";
import { areStale } from "./locks";
import { lockFolder, mayWriteOnce, type Place } from "./place";
import { promote, type Promotion } from "./promote";
import { scaledConfig, settingOf, type Size, type StartAgain } from "./scale";
import { clonesOf, declaredFleets, hasSeveral, placedFleets, type DeclaredFleet } from "./size";
import { readState, urnOf, type FleetClone, type FleetState } from "./state";

/** How one operation runs. */
export interface OperationOptions {
  /** Cancels the operation: the engine ends after the steps that it has begun, and the method throws CancelledError. */
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: FleetEvent) => void;
  /** Pulumi's own output, line by line as the CLI prints it. It holds no secrets, but names, addresses and paths. */
  readonly onOutput?: (text: string) => void;
}

/** How an `up` runs. */
export interface UpOptions extends OperationOptions {
  /** How many clones the stack is to have from now on; left out, as the config says. See {@link Size}. */
  readonly count?: Size;
  /** Further changes of the config; see {@link FleetStack.configure}. */
  readonly config?: ConfigChanges;
  readonly onProgress?: (progress: Progress) => void;
  /** URNs of resources that stay as they are, with those that depend on them. */
  readonly exclude?: readonly string[];
}

/** How far an `up` is. */
export interface Progress {
  /** Clones that this operation has made or changed so far. */
  readonly done: number;
  /** Those of them that answer as themselves. */
  readonly ready: number;
  readonly failed: number;
  /** Clones that the config declares. */
  readonly declared: number;
}

/** What a preview shows. */
export interface Preview {
  readonly drift: readonly Drift[];
  /** What an `up` would do, repairs included. */
  readonly changes: readonly Change[];
}

/** What an operation did. */
export interface Outcome extends Preview {
  /** Every clone of the stack after the operation. */
  readonly clones: readonly FleetClone[];
}

/** See {@link openStack}. */
export class FleetStack {
  /** Operations run one after another. */
  private last: Promise<unknown> = Promise.resolve();

  /** @internal */
  constructor(
    private readonly paths: Paths,
    private readonly place: Place,
    private readonly engine: automation.Stack,
    private readonly onEvent: (event: FleetEvent) => void,
  ) {}

  /** The stack's name. */
  get name(): string {
    return this.place.stack;
  }

  /** The stack's config file. */
  get configFile(): string {
    return this.place.configFile;
  }

  /** Compares the droplet with the config and changes nothing. */
  preview(options: OperationOptions = {}): Promise<Preview> {
    return this.operate("preview", options, (engine) => this.engine.preview(engine));
  }

  /** Reads the droplet and says what differs from the last operation's result; changes nothing, and runs no program. */
  async drift(options: OperationOptions = {}): Promise<readonly Drift[]> {
    const { drift } = await this.operate("drift", options, (engine) => this.engine.previewRefresh(engine));
    return drift;
  }

  /** Makes the droplet match the config. */
  async up({ count, config = {}, exclude = [], onProgress, ...options }: UpOptions = {}): Promise<Outcome> {
    const changes = count === undefined ? config : { ...config, ...this.scaled(count) };
    return this.operate(
      "up",
      { ...options, onEvent: this.counting(options.onEvent, onProgress) },
      async (engine) => {
        const { declared } = this;
        const { first, env } = checkpointing(declared, await this.resourcesFor(declared));
        const once = mayWriteOnce(this.place);
        const left = exclude.length === 0 ? {} : { exclude: [...exclude], excludeDependents: true };
        const several = hasSeveral(declared);
        const variables = goingOn(several);
        if (once && first.length > 0) {
          const claimed = this.withVariables(variables, () => this.engine.up({ ...engine, target: [...first] }));
          // A droplet that cannot be claimed fails below too, and the others go on.
          await (several ? claimed.catch(() => undefined) : claimed);
        }
        await this.withVariables({ ...(once ? env : {}), ...variables }, () => this.engine.up({ ...engine, ...left }));
      },
      changes,
    );
  }

  /** Changes how many clones the stack has. */
  scale(count: Size, options: Omit<UpOptions, "count"> = {}): Promise<Outcome> {
    return this.up({ ...options, count });
  }

  /** Restarts a clone's VMM; the guest boots from the disk that it has. */
  restart(clone: string, options: UpOptions = {}): Promise<Outcome> {
    return this.again(clone, "restart", options);
  }

  /** Gives a clone a new disk and the snapshot's memory: everything on its disk is lost. */
  renew(clone: string, options: UpOptions = {}): Promise<Outcome> {
    return this.again(clone, "renewDisk", options);
  }

  /** Removes everything of the stack's from its droplets. The stack itself, with its config, stays. */
  async destroy(options: OperationOptions = {}): Promise<void> {
    await this.operate("destroy", options, async (engine) => {
      const { declared } = this;
      const { first, env } = checkpointing(declared, await this.resourcesFor(declared));
      // A state without the claim knows nothing else either; the claim is removed last.
      const once = first.length === 0 && mayWriteOnce(this.place);
      const variables = { ...(once ? env : {}), ...goingOn(hasSeveral(declared)) };
      await this.withVariables(variables, () => this.engine.destroy(engine));
    });
  }

  /** The stack's clones, as the last operation left them. */
  async clones(): Promise<readonly FleetClone[]> {
    return (await this.state()).clones;
  }

  /** The stack's droplets and clones, as the last operation left them. */
  async state(): Promise<FleetState> {
    try {
      return readState(await this.exported());
    } catch (error) {
      throw this.failed("read", error);
    }
  }

  /** Changes the stack's config; nothing happens on a droplet before the next `up`. */
  configure(changes: ConfigChanges): Promise<void> {
    return this.inTurn(() => this.change(changes));
  }

  /**
   * Pins the snapshot that this stack runs and has proved in the config of another stack of the project, as `npm run promote` does.
   *
   * @param to the other stack's name
   */
  async promote(to: string): Promise<Promotion> {
    try {
      return promote(await this.outputs(), this.name, to, this.place.workDir);
    } catch (error) {
      throw this.failed("promote", error);
    }
  }

  /** The stack's outputs; secret ones are left out. */
  async outputs(): Promise<Readonly<Record<string, unknown>>> {
    return JSON.parse(await this.cli(["stack", "output", "--json"])) as Readonly<Record<string, unknown>>;
  }

  /** The fleets that the config places on droplets. */
  get fleets(): readonly DeclaredFleet[] {
    return placedFleets(readStackFile(this.place.configFile).raw);
  }

  /** The fleets that the config declares. */
  private get declared(): readonly DeclaredFleet[] {
    return declaredFleets(readStackFile(this.place.configFile).raw);
  }

  private scaled(count: Size): ConfigChanges {
    try {
      return scaledConfig(readStackFile(this.place.configFile).raw, count);
    } catch (error) {
      throw this.failed("up", error);
    }
  }

  private async again(clone: string, key: StartAgain, options: UpOptions): Promise<Outcome> {
    const urn = urnOf(await this.state(), clone);
    const id = /\d+$/.exec(clone)?.[0];
    if (urn === undefined || id === undefined) {
      throw this.failed("up", new HornetError(`the stack ${this.name} has no clone ${clone}`));
    }
    const path = settingOf(readStackFile(this.place.configFile).raw, Number(id), key);
    const config = { ...options.config, [path]: `at ${new Date().toISOString()}` };
    const outcome = await this.up({ ...options, config });
    if (outcome.changes.some((change) => change.urn === urn)) return outcome;
    throw this.failed("up", new HornetError(`the stack's program does not read hornet:${path}`));
  }

  private counting(
    onEvent: ((event: FleetEvent) => void) | undefined,
    onProgress: ((progress: Progress) => void) | undefined,
  ): (event: FleetEvent) => void {
    let declared: number | undefined;
    const clones = { done: new Set<string>(), ready: new Set<string>(), failed: new Set<string>() };
    return (event) => {
      onEvent?.(event);
      if (event.type !== "clone" && (event.type !== "failed" || event.clone === "")) return;
      if (event.type === "failed") clones.failed.add(event.clone);
      else {
        clones.done.add(event.clone);
        if (event.ready) clones.ready.add(event.clone);
      }
      const { done, ready, failed } = clones;
      declared ??= clonesOf(this.declared);
      onProgress?.({ done: done.size, ready: ready.size, failed: failed.size, declared });
    };
  }

  private change(changes: ConfigChanges): Promise<void> {
    return changeConfig(this.paths, this.place, changes).catch((error: unknown) => {
      throw this.failed("config", error);
    });
  }

  /** Runs one operation of the engine, after the ones before it, and reads its events. */
  private operate(
    operation: OperationName,
    { signal, onEvent, onOutput }: OperationOptions,
    run: (engine: EngineOptions) => Promise<unknown>,
    changes: ConfigChanges = {},
  ): Promise<Outcome> {
    return this.inTurn(async () => {
      const emit = (event: FleetEvent): void => {
        this.onEvent(event);
        onEvent?.(event);
      };
      const reader = new EventReader(emit, operation === "drift");
      try {
        signal?.throwIfAborted();
        if (Object.keys(changes).length > 0) await changeConfig(this.paths, this.place, changes);
        await this.releaseStaleLock();
        await run({
          parallel: parallelism(),
          suppressOutputs: true,
          color: "never",
          configFile: this.place.configFile,
          onEvent: (event) => reader.take(event),
          ...(onOutput !== undefined && { onOutput }),
          ...(signal !== undefined && { signal }),
        });
      } catch (error) {
        throw this.failed(operation, error, reader.failures, signal?.aborted);
      } finally {
        closeTrace();
      }
      const { drift, changes: changed } = reader;
      const clones = operation === "up" ? await this.clones() : [];
      return { drift, changes: changed, clones };
    });
  }

  private failed(operation: OperationName, error: unknown, failures: readonly Failure[] = [], aborted = false): Error {
    return typedError(error, { stack: this.name, operation, failures }, aborted);
  }

  private async inTurn<T>(work: () => Promise<T>): Promise<T> {
    const before = this.last;
    const own = before.then(work, work);
    this.last = own.catch(() => undefined);
    return own;
  }

  /** Sets variables of the CLI, which is a separate process, for one operation. */
  private async withVariables<T>(variables: Readonly<Record<string, string>>, work: () => Promise<T>): Promise<T> {
    const { workspace } = this.engine;
    const before = workspace.envVars;
    workspace.envVars = { ...before, ...variables };
    try {
      return await work();
    } finally {
      workspace.envVars = before;
    }
  }

  /** The resources of the state, where the way in which it is written depends on them. */
  private async resourcesFor(fleets: readonly DeclaredFleet[]): Promise<FleetState["resources"]> {
    return clonesOf(fleets) < MANY ? [] : readState(await this.exported()).resources;
  }

  private async exported(): Promise<unknown> {
    const { deployment } = JSON.parse(await this.cli(["stack", "export"])) as { deployment?: unknown };
    return deployment ?? {};
  }

  private async releaseStaleLock(): Promise<void> {
    const folder = lockFolder(this.place);
    if (folder !== undefined && areStale(folder)) await this.cli(["cancel", "--yes"]);
  }

  /** Runs a command of the CLI that is no operation. */
  private async cli(command: readonly string[]): Promise<string> {
    const argv = [resolve(this.paths.pulumi, "pulumi"), ...command, "--stack", this.name, "--non-interactive"] as const;
    const { code, stdout, stderr } = await capture(argv, {
      cwd: this.place.workDir,
      env: this.place.env,
      maxStdout: STATE_LIMIT,
    });
    if (code === 0) return stdout;
    throw new HornetError(`pulumi ${command.join(" ")} failed with exit code ${code}`, { details: [stderr.trim()] });
  }
}

/** Bytes of a state; 250 clones take 3 MiB. */
const STATE_LIMIT = 512 << 20;

/** The options that every operation has in common. */
type EngineOptions = Pick<
  automation.UpOptions & automation.PreviewOptions & automation.RefreshOptions & automation.DestroyOptions,
  "parallel" | "suppressOutputs" | "color" | "configFile" | "onEvent" | "onOutput" | "signal"
>;
