import { appendFileSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { dynamic } from "@pulumi/pulumi";
import { closeSessions } from "../../host/session/session";
import { beginOperation } from "../../providers/operation/operation";

type Bag = Record<string, unknown>;

/** What a read says of a resource. */
export interface Condition {
  readonly id: string;
  readonly condition: unknown;
  readonly props: Bag;
}

/** A provider as the engine drives it: checked inputs, and every call an operation with a view of its own. */
export class Driver {
  /** The resource's inputs as check returned them. */
  readonly inputs: Bag;
  /** What create or update returned last. */
  outs: Bag = {};
  id = "";

  private constructor(
    private readonly provider: dynamic.ResourceProvider,
    inputs: Bag,
  ) {
    this.inputs = inputs;
  }

  /** Throws where check finds a fault. */
  static async of(provider: dynamic.ResourceProvider, props: object): Promise<Driver> {
    const checked = await provider.check?.({}, props);
    if (checked === undefined || (checked.failures ?? []).length > 0)
      throw new Error(JSON.stringify(checked?.failures));
    return new Driver(provider, checked.inputs as Bag);
  }

  async create(): Promise<Bag> {
    beginOperation();
    const result = await this.provider.create(this.inputs);
    this.id = result.id;
    this.outs = plain(result.outs as Bag);
    return this.outs;
  }

  async read(): Promise<Condition> {
    beginOperation();
    const result = await this.provider.read?.(this.id, this.outs);
    if (result === undefined) throw new Error("the provider reads nothing");
    const props = plain(result.props as Bag);
    return { id: String(result.id), condition: props.condition, props };
  }

  /** Updates from what was read last to the inputs, with changes to them. */
  async update(changes: Bag = {}, olds: Bag = this.outs): Promise<Bag> {
    beginOperation();
    Object.assign(this.inputs, changes);
    const result = await this.provider.update?.(this.id, olds, this.inputs);
    this.outs = plain(result?.outs as Bag);
    return this.outs;
  }

  /** Deletes what was created; with `outputs` also what was not, as a state that was lost would have it. */
  async delete(outputs: Bag = {}): Promise<void> {
    beginOperation();
    await this.provider.delete?.(this.id, { ...this.inputs, ...outputs, ...this.outs });
  }
}

/** What the engine would keep: plain JSON. Throws on what it cannot hold. */
function plain(outs: Bag): Bag {
  const kept = JSON.parse(JSON.stringify(outs)) as Bag;
  if (!isDeepStrictEqual(kept, outs)) throw new Error(`the engine could not keep ${JSON.stringify(outs)}`);
  return kept;
}

/** The names of the effects that a piece of work had on the droplet, in order. */
export async function effectsOf(folder: string, work: () => Promise<unknown>): Promise<string[]> {
  const file = join(folder, "effects");
  appendFileSync(file, "");
  process.env.HORNET_EFFECTS = file;
  await closeSessions();
  try {
    await work();
    return readFileSync(file, "utf8").split("\n").slice(0, -1);
  } finally {
    delete process.env.HORNET_EFFECTS;
    rmSync(file, { force: true });
    await closeSessions();
  }
}

/** Runs a piece of work with one effect failing, and gives the message that a user would read. */
export async function messageWhenFailing(effect: string, work: () => Promise<unknown>): Promise<string> {
  // The droplet's library reads the setting when a lane opens.
  process.env.HORNET_FAULT = `fail:${effect}`;
  await closeSessions();
  try {
    await work();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    delete process.env.HORNET_FAULT;
    await closeSessions();
  }
  throw new Error(`it succeeded although ${effect} failed`);
}
