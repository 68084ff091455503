import { describePoint, effectName, effectsOf, tryPoint, variantsOf, type Point } from "./points";
import type { Operation } from "./operations";
import type { Random } from "./random";
import type { Stage } from "./stage";

/** A point that failed. */
export interface Failure {
  readonly point: string;
  readonly wrong: readonly string[];
}

/** The number of points, and the failed ones. */
export interface Tally {
  readonly name: string;
  readonly effects: number;
  readonly tried: number;
  readonly failures: readonly Failure[];
}

/** Every effect of an operation, cut off before and after it, with every continuation. */
export async function allPoints(stage: Stage, operation: Operation): Promise<Point[]> {
  const effects = await effectsOf(stage, operation);
  return effects.flatMap((effect) =>
    ["before", "after"].flatMap((when) =>
      variantsOf(operation).map((variant) => ({
        operation,
        disturbance: { kind: "fault" as const, fault: `${when}:${effect}` },
        ...variant,
      })),
    ),
  );
}

/** For every effect, cut off before and after it, one of the continuations. */
export function thinned(points: readonly Point[], random: Random): Point[] {
  const faults = new Map<string, Point[]>();
  for (const point of points) {
    const key = JSON.stringify(point.disturbance);
    faults.set(key, [...(faults.get(key) ?? []), point]);
  }
  return [...faults.values()].map((same) => random.pick(same));
}

/** Tries points one after the other. */
export async function tryAll(
  stage: Stage,
  name: string,
  points: readonly Point[],
  say: (line: string) => void,
): Promise<Tally> {
  const failures: Failure[] = [];
  for (const [at, point] of points.entries()) {
    const wrong = await tryPoint(stage, point);
    const words = describePoint(point);
    if (wrong.length > 0) failures.push({ point: words, wrong });
    say(`${at + 1}/${points.length} ${words}: ${wrong.length === 0 ? "ok" : `FAILED\n  ${wrong.join("\n  ")}`}`);
  }
  const effects = new Set(points.map(({ disturbance }) => effectName(disturbance))).size;
  return { name, effects, tried: points.length, failures };
}

/** Those of the operations that have these names, or all. */
export function chosenOperations(operations: readonly Operation[], names: readonly string[]): readonly Operation[] {
  return names.length === 0 ? operations : operations.filter(({ name }) => names.includes(name));
}
