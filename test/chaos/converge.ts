import type { Declaration } from "./jobs";
import type { Stage } from "./stage";

/** Checks that one plain up converges, the next one finds nothing to do, and a destroy leaves nothing. */
export async function converges(stage: Stage, target: Declaration): Promise<string[]> {
  return (await isReached(stage, target)) ?? clears(stage, target);
}

/** The differences after two ups; undefined where all is as declared. */
export async function isReached(stage: Stage, target: Declaration): Promise<string[] | undefined> {
  const up = await stage.operate("up", target);
  if (up.died) return ["the next up died"];
  if (up.errors.length > 0) return up.errors.map((error) => `the next up: ${error}`);
  return isSettled(stage, target);
}

/** The changes and drift of an up on a droplet that should be as declared; undefined where there are none. */
export async function isSettled(stage: Stage, target: Declaration): Promise<string[] | undefined> {
  const again = await stage.operate("up", target);
  if (again.died) return ["the up after it died"];
  const wrong = [
    ...again.errors.map((error) => `the up after it: ${error}`),
    ...again.steps.map(({ operation, resource }) => `the up after it did ${operation} ${resource}`),
    ...Object.entries(again.conditions)
      .filter(([, condition]) => condition !== "as declared")
      .map(([resource, condition]) => `${resource} is not as declared: ${condition}`),
  ];
  const known = Object.keys(again.conditions).sort().join(", ");
  const declared = [...again.declared].sort().join(", ");
  if (known !== declared) wrong.push(`known are ${known}; declared are ${declared}`);
  const clones = again.declared.filter((label) => label.startsWith("FirecrackerVM ")).length;
  const count = target.count + (target.west ?? 0);
  if (clones !== count) wrong.push(`${clones} clones are declared, not ${count}`);
  return wrong.length === 0 ? undefined : wrong;
}

/** The number of printed leftovers; one link alone has a dozen sysctls. */
const SAID = 12;

/** A message about the leftovers of an operation. */
export function leftBy(operation: string, lines: readonly string[]): string[] {
  const telling = lines.filter((line) => !/^.sysctls: net\.ipv[46]\.conf\./.test(line));
  const said = telling.slice(0, SAID).map((line) => `left by ${operation}: ${line.slice(0, 200)}`);
  return telling.length > SAID ? [...said, `and ${telling.length - SAID} more lines`] : said;
}

/** Checks that one plain destroy restores the droplet. */
export async function clears(stage: Stage, target: Declaration): Promise<string[]> {
  const destroyed = await stage.operate("destroy", target);
  if (destroyed.died) return ["destroy died"];
  const left = stage.state === undefined || stage.state === "[]" ? [] : ["the state is not empty after destroy"];
  return [
    ...destroyed.errors.map((error) => `destroy: ${error}`),
    ...left,
    ...leftBy("destroy", await stage.changes()),
  ];
}
