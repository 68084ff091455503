import { isDeepStrictEqual } from "node:util";
import { setTimeout as sleep } from "node:timers/promises";
import * as pulumi from "@pulumi/pulumi";
import { CloneFleet } from "../../components";
import { declareStack } from "../../components/fleet/stack";
import { messageOf } from "../../host/errors";
import { providersOf } from "../../providers/kinds";
import { Limit } from "../../providers/operation/limit";
import type { Operation } from "../../providers/operation/operation";
import { fleetsOf, specOf } from "./config";
import type { Job, Outcome, Step } from "./jobs";
import { useMonitor, type Declared, type Made } from "./monitor";
import { State, type Entry } from "./state";

type Bag = Record<string, unknown>;

/** The SDK's own interface has `any` for inputs and outputs. */
interface Provider {
  check(olds: Bag, news: Bag): Promise<{ readonly inputs: Bag; readonly failures?: readonly unknown[] }>;
  diff(
    id: string,
    olds: Bag,
    news: Bag,
  ): Promise<{ readonly replaces?: readonly string[]; readonly deleteBeforeReplace?: boolean }>;
  create(inputs: Bag): Promise<{ readonly id: string; readonly outs: Bag }>;
  read(id: string, props: Bag): Promise<{ readonly id: string; readonly props: Bag; readonly inputs?: Bag }>;
  update(id: string, olds: Bag, news: Bag): Promise<{ readonly outs: Bag }>;
  delete(id: string, props: Bag): Promise<void>;
}

/** Milliseconds without progress after which a program that waits for a failed resource counts as ended. */
const QUIET_MS = 100;

/** One operation in the order of Pulumi's engine: all reads, then the program, then deletes. */
export class Engine {
  private readonly state: State;
  private readonly steps: Step[] = [];
  private readonly errors: string[] = [];
  private readonly conditions: Record<string, string> = {};
  /** The label of each resource that the program declared, by its URN. */
  private readonly declared = new Map<string, string>();
  private working = 0;
  private readonly limit: Limit;
  private readonly providers: Record<string, Provider>;

  constructor(
    private readonly job: Job,
    operation: Operation,
  ) {
    this.state = new State(job.stateFile);
    this.limit = new Limit(job.parallel ?? Infinity);
    this.providers = providersOf(operation) as unknown as Record<string, Provider>;
  }

  /** Runs the operation. The outcome has the failures. */
  async run(): Promise<Outcome> {
    await this.refresh();
    if (this.errors.length === 0 && this.job.verb === "up") await this.program();
    if (this.errors.length === 0 && this.job.verb !== "read") await this.prune();
    const { steps, errors, conditions } = this;
    return { steps, errors, conditions, declared: [...this.declared.values()] };
  }

  private async refresh(): Promise<void> {
    await Promise.all(
      this.state.all.map((entry) =>
        this.attempt(`read ${labelOf(entry)}`, async () => {
          const { id, inputs, props } = await this.providerOf(entry).read(entry.id, entry.outputs);
          this.conditions[labelOf(entry)] = id === "" ? "gone" : String(props.condition);
          if (this.job.verb === "read") return;
          if (id === "") {
            this.did("gone", entry);
            this.state.delete(entry.urn);
          } else this.state.set({ ...entry, inputs: inputs ?? {}, outputs: props });
        }),
      ),
    );
  }

  /** Runs Hornet's components until they have all outputs, or until nothing happens after a failure. */
  private async program(): Promise<void> {
    await useMonitor((one) => this.limit.run(() => this.make(one)));
    const { connections, declaration, sshFolder } = this.job;
    const [droplet] = connections;
    const fleet =
      connections.length > 1
        ? declareStack(fleetsOf(declaration, connections))
        : new CloneFleet("fleet", { spec: specOf(declaration), droplet, sshFolder });
    const done = new Promise<boolean>((resolve) => {
      pulumi
        .all([fleet.clones, fleet.timings, fleet.snapshotDigest, fleet.sshConfig])
        .apply(() => setImmediate(() => resolve(true)));
    });
    while (!(await Promise.race([done, sleep(QUIET_MS, false)]))) {
      if (this.errors.length > 0 && this.working === 0) return;
    }
    while (this.working > 0) await sleep(5);
  }

  private async make(declared: Declared): Promise<Made | undefined> {
    this.declared.set(declared.urn, labelOf(declared));
    return this.attempt(`make ${labelOf(declared)}`, async () => {
      const provider = this.providerOf(declared);
      const old = this.state.get(declared.urn);
      const checked = await provider.check(old?.inputs ?? {}, declared.inputs);
      if ((checked.failures ?? []).length > 0) throw new Error(JSON.stringify(checked.failures));
      const inputs = JSON.parse(JSON.stringify(checked.inputs)) as Bag;
      if (old === undefined) {
        const { id, outs } = await provider.create(inputs);
        return this.keep("create", declared, { id, inputs, outputs: outs });
      }
      if (isDeepStrictEqual(old.inputs, inputs)) {
        this.state.set({ ...old, ...declared, inputs });
        return old;
      }
      const { replaces = [], deleteBeforeReplace } = await provider.diff(old.id, old.outputs, inputs);
      if (replaces.length > 0) {
        if (deleteBeforeReplace !== true) throw new Error(`to be replaced late for ${replaces.join(", ")}`);
        await provider.delete(old.id, old.outputs);
        this.state.delete(declared.urn);
        const { id, outs } = await provider.create(inputs);
        return this.keep("replace", declared, { id, inputs, outputs: outs });
      }
      const { outs } = await provider.update(old.id, old.outputs, inputs);
      return this.keep("update", declared, { id: old.id, inputs, outputs: outs });
    });
  }

  private keep(operation: "create" | "update" | "replace", declared: Declared, made: Made & { inputs: Bag }): Made {
    this.state.set({ ...declared, ...made });
    this.did(operation, declared);
    return made;
  }

  /** Deletes undeclared resources level by level, dependents first. */
  private async prune(): Promise<void> {
    const doomed = new Map(
      this.state.all.filter(({ urn }) => !this.declared.has(urn)).map((entry) => [entry.urn, entry]),
    );
    const all = new Set(doomed.keys());
    while (doomed.size > 0 && this.errors.length === 0) {
      const needed = new Set([...doomed.values()].flatMap(({ dependencies }) => dependencies));
      const level = [...doomed.values()].filter(({ urn }) => !needed.has(urn));
      await Promise.all(
        level.map((entry) =>
          this.attempt(`delete ${labelOf(entry)}`, async () => {
            if (!all.has(entry.deletedWith)) await this.providerOf(entry).delete(entry.id, entry.outputs);
            doomed.delete(entry.urn);
            this.state.delete(entry.urn);
            this.did("delete", entry);
          }),
        ),
      );
    }
  }

  private providerOf({ kind }: Pick<Entry, "kind">): Provider {
    const provider = this.providers[kind];
    if (provider === undefined) throw new Error(`there is no provider ${kind}`);
    return provider;
  }

  private did(operation: Step["operation"], one: Pick<Entry, "kind" | "name">): void {
    this.steps.push({ operation, resource: labelOf(one) });
  }

  private async attempt<T>(what: string, work: () => Promise<T>): Promise<T | undefined> {
    this.working += 1;
    try {
      return await work();
    } catch (error) {
      this.errors.push(`${what}: ${messageOf(error)}`);
      return undefined;
    } finally {
      this.working -= 1;
    }
  }
}

function labelOf({ kind, name }: Pick<Entry, "kind" | "name">): string {
  return `${kind} ${name}`;
}
