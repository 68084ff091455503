import type { Blow } from "./jobs";
import { effectsOfAll, type Point } from "./points";
import { operations } from "./operations";
import type { Random } from "./random";
import type { Stage } from "./stage";

const BLOWS: readonly Blow[] = ["operator", "ssh", "vmm", "power"];

/**
 * Random moments for disturbances, with the kinds in turn.
 *
 * @param stage one that reaches its droplet over ssh, or there is nothing to cut
 */
export async function disturbances(stage: Stage, count: number, random: Random): Promise<Point[]> {
  const effects = new Map<string, string[]>();
  const points: Point[] = [];
  for (let at = 0; at < count; at += 1) {
    const operation = random.pick(operations);
    const known = effects.get(operation.name) ?? (await effectsOfAll(stage, [operation]));
    effects.set(operation.name, known);
    const kind = BLOWS[at % BLOWS.length] ?? "ssh";
    points.push({
      operation,
      disturbance: { kind, effect: random.pick(known) },
      memory: "kept",
      next: random.pick(["up", "destroy"]),
    });
  }
  return points;
}
