/** Hornet's texts for zod's issues: the rest of a sentence, such as "must be 1 or more", without the value. */
import type { z } from "zod";

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

const EXPECTED: Readonly<Record<string, string>> = {
  string: "text",
  int: "a whole number",
  number: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "a mapping",
  record: "a mapping",
};

/** The issues, with each union's replaced by those of the union's type that fits the value best. */
export function flatIssues(issues: readonly Issue[], at: Path = []): readonly Issue[] {
  return issues.flatMap((issue) => {
    const path = [...at, ...issue.path];
    const [best] = issue.code === "invalid_union" ? [...issue.errors].sort((a, b) => misfit(a) - misfit(b)) : [];
    return best === undefined ? [{ ...issue, path }] : flatIssues(best, path);
  });
}

/** A value of another kind fits worst, and then the one with more issues. */
function misfit(issues: readonly Issue[]): number {
  const isOtherKind = issues.some(({ code, path }) => path.length === 0 && code === "invalid_type");
  return issues.length + (isOtherKind ? 1000 : 0);
}

/** The problem of an issue's value. */
export function problemOf(issue: Issue): string {
  switch (issue.code) {
    case "invalid_type":
      return `must be ${EXPECTED[issue.expected] ?? issue.expected}`;
    case "invalid_value":
      return `must be ${issue.values.map(String).join(" or ")}`;
    case "too_small":
      if (issue.origin === "string") return "must not be empty";
      return issue.origin === "array" ? "must not be an empty list" : `must be ${String(issue.minimum)} or more`;
    case "too_big":
      return issue.origin === "array"
        ? `must be a list of at most ${String(issue.maximum)}`
        : `must be ${String(issue.maximum)} or less`;
    case "unrecognized_keys":
      return `must have no key ${issue.keys.join(", ")}`;
    case "invalid_key":
      return issue.issues[0]?.message ?? "has a malformed name";
    default:
      return issue.message;
  }
}

/** The value at a path, undefined if there is none. */
export function valueAt(raw: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      typeof value === "object" && value !== null && Object.hasOwn(value, key)
        ? (value as Record<PropertyKey, unknown>)[key]
        : undefined,
    raw,
  );
}
