import { appendFileSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { dynamic } from "@pulumi/pulumi";
import { Sessions } from "../../host/session/sessions";
import { makeProvider } from "../../providers/kit/define";
import type { CommonInputs, Definition } from "../../providers/kit/definition";
import { Operation } from "../../providers/operation/operation";

/** The connections of a test file outlive its operations. */
export const sessions = new Sessions();

/** An operation that knows nothing of those before it. */
export const newOperation = (): Operation => new Operation(sessions);

type Bag = Record<string, unknown>;

/** What a read says of a resource. */
export interface Condition {
  readonly id: string;
  readonly condition: unknown;
  readonly props: Bag;
}

/** A resource as the engine drives it: checked inputs, and an operation of its own for every call that names none. */
export class Driver {
  /** The resource's inputs as check returned them. */
  readonly inputs: Bag;
  /** What create or update returned last. */
  outs: Bag = {};
  id = "";

  private constructor(
    private readonly provider: (operation: Operation) => dynamic.ResourceProvider,
    inputs: Bag,
  ) {
    this.inputs = inputs;
  }

  /** Throws where check finds a fault. */
  static async of<Inputs extends CommonInputs, Outputs>(
    definition: Definition<Inputs, Outputs>,
    props: object,
  ): Promise<Driver> {
    const provider = (operation: Operation): dynamic.ResourceProvider => makeProvider(definition, operation);
    const checked = await provider(newOperation()).check?.({}, props);
    if (checked === undefined || (checked.failures ?? []).length > 0)
      throw new Error(JSON.stringify(checked?.failures));
    return new Driver(provider, checked.inputs as Bag);
  }

  async create(operation = newOperation()): Promise<Bag> {
    const result = await this.provider(operation).create(this.inputs);
    this.id = result.id;
    this.outs = plain(result.outs as Bag);
    return this.outs;
  }

  async read(operation = newOperation()): Promise<Condition> {
    const result = await this.provider(operation).read?.(this.id, this.outs);
    if (result === undefined) throw new Error("the provider reads nothing");
    const props = plain(result.props as Bag);
    return { id: String(result.id), condition: props.condition, props };
  }

  /** Updates from what was read last to the inputs, with changes to them. */
  async update(changes: Bag = {}, olds: Bag = this.outs): Promise<Bag> {
    Object.assign(this.inputs, changes);
    const result = await this.provider(newOperation()).update?.(this.id, olds, this.inputs);
    this.outs = plain(result?.outs as Bag);
    return this.outs;
  }

  /** What the engine does where the resource is replaced: `pulumi up --replace`. */
  async replace(): Promise<void> {
    const operation = newOperation();
    await this.provider(operation).check?.(this.outs, this.inputs);
    await this.delete({}, operation);
    await this.create(operation);
  }

  /** Deletes what was created; with `outputs` also what was not, as a state that was lost would have it. */
  async delete(outputs: Bag = {}, operation = newOperation()): Promise<void> {
    await this.provider(operation).delete?.(this.id, { ...this.inputs, ...outputs, ...this.outs });
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
  await sessions.close();
  try {
    await work();
    return readFileSync(file, "utf8").split("\n").slice(0, -1);
  } finally {
    delete process.env.HORNET_EFFECTS;
    rmSync(file, { force: true });
    await sessions.close();
  }
}

/** Runs a piece of work with one effect failing, and gives the message that a user would read. */
export async function messageWhenFailing(effect: string, work: () => Promise<unknown>): Promise<string> {
  // The droplet's library reads the setting when a lane opens.
  process.env.HORNET_FAULT = `fail:${effect}`;
  await sessions.close();
  try {
    await work();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    delete process.env.HORNET_FAULT;
    await sessions.close();
  }
  throw new Error(`it succeeded although ${effect} failed`);
}
