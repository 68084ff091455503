/** The form of a cross check: what several keys must fulfil together. */
import type { ConfigShape } from "../schema";
import type { KeyPath } from "../schema/walk";

/** What a rule finds. */
export interface Finding {
  /** The key to change. */
  readonly at: KeyPath;
  readonly problem: string;
  /** A key and its value that would be right. */
  readonly example: { readonly at: KeyPath; readonly value: unknown };
}

export interface Rule {
  /** The rule in words, without values: said where the values are secret. */
  readonly must: string;
  /** The keys that the rule compares. Where one of them is malformed, the rule is skipped. */
  readonly needs: readonly KeyPath[];
  /** What it finds holds names and sizes only, and is said where the values are secret too. */
  readonly showsNoValue?: true;
  readonly check: (shape: ConfigShape) => readonly Finding[];
}

/** A finding whose example is a value for the very key that is wrong. */
export function finding(at: KeyPath, problem: string, value: unknown): Finding {
  return { at, problem, example: { at, value } };
}

/** A rule in one expression. */
export function rule(
  must: string,
  needs: Rule["needs"],
  check: Rule["check"],
  more: Pick<Rule, "showsNoValue"> = {},
): Rule {
  return { must, needs, check, ...more };
}
