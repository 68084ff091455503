import { messageOf } from "../../host/errors";
import { clears, converges, isReached } from "./converge";
import type { Disturbance } from "./jobs";
import { succeed, type Operation } from "./operations";
import type { Stage } from "./stage";

/** Pulumi's state after the crash: as last written, lost, or as before the operation. */
export type Memory = "kept" | "lost" | "stale";

/** One way to cut an operation off and continue. */
export interface Point {
  readonly operation: Operation;
  readonly disturbance: Disturbance;
  readonly memory: Memory;
  /** The next operation: an up, an up of the fleet declared before, or a destroy. */
  readonly next: "up" | "back" | "destroy";
}

/** A short description of the point. */
export function describePoint({ operation, disturbance, memory, next }: Point): string {
  const how = disturbance.kind === "fault" ? disturbance.fault : `${disturbance.kind} at ${disturbance.effect}`;
  return `${operation.name}, ${how}, state ${memory}, then ${next}`;
}

/** The names of an operation's effects on the droplet, at which it can be cut off; each once. */
export async function effectsOf(stage: Stage, operation: Operation): Promise<string[]> {
  await operation.prepare(stage);
  await succeed(stage, operation.verb, operation.target);
  const effects = [...new Set(stage.effects())];
  await succeed(stage, "destroy", operation.target);
  return effects;
}

/** The effects of several operations together, in an order that does not depend on their speed. */
export async function effectsOfAll(stage: Stage, operations: readonly Operation[]): Promise<string[]> {
  const effects = new Set<string>();
  for (const operation of operations) for (const effect of await effectsOf(stage, operation)) effects.add(effect);
  return [...effects].sort();
}

/** All continuations after a crash. A lost state cannot be destroyed without an up that finds the resources again. */
export function variantsOf({ name, verb, from }: Operation): Pick<Point, "memory" | "next">[] {
  return [
    { memory: "kept", next: "up" },
    ...(from === undefined ? [] : (["kept", "stale"] as const).map((memory) => ({ memory, next: "back" as const }))),
    { memory: "kept", next: "destroy" },
    ...(verb === "up" ? [{ memory: "lost", next: "up" } as const] : []),
    // Before a first up there is no state, so the old state equals the lost one.
    ...(name === "first up" ? [] : (["up", "destroy"] as const).map((next) => ({ memory: "stale" as const, next }))),
  ];
}

/** Cuts an operation off and continues. Returns the differences as a message. */
export async function tryPoint(stage: Stage, point: Point): Promise<string[]> {
  try {
    const wrong = await disturbed(stage, point);
    if (wrong.length === 0) return [];
    await stage.wipe();
    return wrong;
  } catch (error) {
    await stage.wipe();
    return [messageOf(error)];
  }
}

async function disturbed(stage: Stage, { operation, disturbance, memory, next }: Point): Promise<string[]> {
  const { target, verb } = operation;
  await operation.prepare(stage);
  const before = stage.state;
  const essence = next === "back" ? await stage.essence() : [];
  const ended = await stage.operate(verb, target, disturbance);
  if (!stage.effects().includes(effectName(disturbance))) throw new Error("the operation never came to that effect");
  if (["fault", "operator"].includes(disturbance.kind) && !ended.died) throw new Error("the operation did not die");
  if (memory === "lost") stage.state = undefined;
  if (memory === "stale") stage.state = before;
  if (next === "back") return goesBack(stage, operation, essence);
  return next === "up" ? converges(stage, target) : clears(stage, target);
}

/** Checks that one up of the fleet declared before restores the droplet, by Hornet's reads and by an independent listing. */
async function goesBack(stage: Stage, { target, from = target }: Operation, essence: string[]): Promise<string[]> {
  const wrong = await isReached(stage, from);
  if (wrong !== undefined) return wrong;
  const now = await stage.essence();
  const differs = [
    ...essence.filter((line) => !now.includes(line)).map((line) => `is not there again: ${line}`),
    ...now.filter((line) => !essence.includes(line)).map((line) => `was not there before: ${line}`),
  ];
  return differs.length > 0 ? differs : clears(stage, from);
}

/** The effect at which an operation is disturbed. */
export function effectName(disturbance: Disturbance): string {
  if (disturbance.kind !== "fault") return String(disturbance.effect);
  return disturbance.fault.slice(disturbance.fault.indexOf(":") + 1);
}
