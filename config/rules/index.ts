/** Cross checks: what several keys must fulfil together. A rule that cannot be judged, as one of its keys is malformed, is skipped. */
import { documentedExample, exampleLine, type Fault, pathText } from "../faults";
import { agentRules } from "./agent";
import { identityRules } from "./identity";
import { networkRules } from "./network";
import { sourceRules } from "./source";
import { stepRules } from "./steps";
import { variousRules } from "./other";
import type { Rule } from "./rule";
import type { ConfigShape } from "../schema";
import type { KeyPath } from "../schema/walk";

const RULES: readonly Rule[] = [
  ...sourceRules,
  ...networkRules,
  ...variousRules,
  ...agentRules,
  ...identityRules,
  ...stepRules,
];

/**
 * The faults that all rules find.
 * @param unusable paths of malformed keys; the shape has defaults in their place
 * @param secretKeys top-level keys whose values no fault may show
 */
export function crossCheck(
  shape: ConfigShape,
  unusable: readonly KeyPath[],
  secretKeys: readonly string[],
): readonly Fault[] {
  return RULES.filter(({ needs }) => !needs.some((need) => unusable.some((path) => startsWith(need, path)))).flatMap(
    (rule) => {
      const secret = rule.showsNoValue !== true && rule.needs.some(([top]) => secretKeys.includes(String(top)));
      return rule.check(shape).map(({ at, problem, example }) => ({
        path: pathText(at),
        problem: secret ? `${rule.must} (the values are secret and not shown)` : problem,
        example: secret ? documentedExample(at) : exampleLine(example.at, example.value),
      }));
    },
  );
}

function startsWith(path: KeyPath, start: KeyPath): boolean {
  return start.length <= path.length && start.every((key, index) => key === path[index]);
}
