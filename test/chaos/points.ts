import { messageOf } from "../../host/errors";
import { clears, converges, isReached } from "./converge";
import type { Disturbance } from "./jobs";
import { succeed, type Operation } from "./operations";
import type { Stage } from "./stage";

/** What became of Pulumi's state in the crash: as it was written last, lost, or as before the operation. */
export type Memory = "kept" | "lost" | "stale";

/** One way to cut an operation off, and to go on. */
export interface Point {
  readonly operation: Operation;
  readonly disturbance: Disturbance;
  readonly memory: Memory;
  /** What is run next: an up, an up of what was declared before, or at once a destroy. */
  readonly next: "up" | "back" | "destroy";
}

/** The point in a few words. */
export function describePoint({ operation, disturbance, memory, next }: Point): string {
  const how = disturbance.kind === "fault" ? disturbance.fault : `${disturbance.kind} at ${disturbance.effect}`;
  return `${operation.name}, ${how}, state ${memory}, then ${next}`;
}

/** The effects that an operation has on the droplet, each name once: what it can be cut off at. */
export async function effectsOf(stage: Stage, operation: Operation): Promise<string[]> {
  await operation.prepare(stage);
  await succeed(stage, operation.verb, operation.target);
  const effects = [...new Set(stage.effects())];
  await succeed(stage, "destroy", operation.target);
  return effects;
}

/** The effects of several operations together, in an order that does not depend on what was faster. */
export async function effectsOfAll(stage: Stage, operations: readonly Operation[]): Promise<string[]> {
  const effects = new Set<string>();
  for (const operation of operations) for (const effect of await effectsOf(stage, operation)) effects.add(effect);
  return [...effects].sort();
}

/** All that can follow a crash in an operation. What is lost cannot be destroyed without an up that finds it again. */
export function variantsOf({ name, verb, from }: Operation): Pick<Point, "memory" | "next">[] {
  return [
    { memory: "kept", next: "up" },
    ...(from === undefined ? [] : (["kept", "stale"] as const).map((memory) => ({ memory, next: "back" as const }))),
    { memory: "kept", next: "destroy" },
    ...(verb === "up" ? [{ memory: "lost", next: "up" } as const] : []),
    // Before a first up there is no state, so an old one is a lost one.
    ...(name === "first up" ? [] : (["up", "destroy"] as const).map((next) => ({ memory: "stale" as const, next }))),
  ];
}

/** Cuts an operation off and goes on. Gives what is not as it must be, in words. */
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

/** One up of what was declared before brings the droplet back to where it was, by Hornet's own readings and by others. */
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
