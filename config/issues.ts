/** From zod's issues to faults in Hornet's own words. */
import type { z } from "zod";
import { documentedExample, type Fault, pathText, shown } from "./faults";
import { nearest } from "./nearest";
import { configSchema } from "./schema";
import { fieldsOf, type KeyPath, metaOf, schemaAt } from "./schema/walk";

type Issue = z.core.$ZodIssue;

/** What an issue says, with the path of the key that it is about. */
export interface ReadIssue {
  readonly path: KeyPath;
  readonly fault: Fault;
  /** The key that was probably meant, where this one is unknown. */
  readonly meant?: KeyPath;
}

const EXPECTED: Readonly<Record<string, string>> = {
  string: "text",
  int: "a whole number",
  number: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "a mapping",
  record: "a mapping",
};

/**
 * The faults that an issue stands for: one, or one a key for unknown keys.
 * @param raw the config that was parsed
 * @param isSecret whether the value at a path must not be shown
 */
export function readIssue(issue: Issue, raw: unknown, isSecret: (path: KeyPath) => boolean): readonly ReadIssue[] {
  const path = issue.path.map((key) => (typeof key === "symbol" ? String(key) : key));
  if (issue.code === "unrecognized_keys") return issue.keys.map((key) => unknownKey(path, key));
  const example = documentedExample(path);
  return [{ path, fault: { path: pathText(path), problem: problemOf(issue, path, raw, isSecret(path)), example } }];
}

function unknownKey(parent: KeyPath, key: string): ReadIssue {
  const path = [...parent, key];
  const schema = schemaAt(configSchema, parent);
  const known = schema ? Object.keys(fieldsOf(schema)) : [];
  const name = nearest(key, known);
  const advice = name === undefined ? `the keys here are ${known.join(", ")}` : `did you mean ${name}?`;
  const meant = name === undefined ? undefined : [...parent, name];
  const problem = `unknown key ${pathText(path)}, ${advice}`;
  const fault = { path: pathText(path), problem, example: documentedExample(meant ?? parent) };
  return { path, fault, ...(meant !== undefined && { meant }) };
}

function problemOf(issue: Issue, path: KeyPath, raw: unknown, secret: boolean): string {
  const value = valueAt(raw, path);
  if (value === undefined) return "is missing";
  // What is at the path of a malformed name is the value behind that name.
  if (issue.code === "invalid_key") return issue.issues[0]?.message ?? "has a malformed name";
  return `${expectation(issue, path)}, but is ${shown(value, secret)}`;
}

function expectation(issue: Issue, path: KeyPath): string {
  const schema = schemaAt(configSchema, path);
  const own = schema && metaOf(schema)?.problem;
  if (own !== undefined) return own;
  switch (issue.code) {
    case "invalid_type":
      return `must be ${EXPECTED[issue.expected] ?? issue.expected}`;
    case "invalid_value":
      return `must be ${issue.values.map(String).join(" or ")}`;
    case "too_small":
      return issue.origin === "array" ? "must not be an empty list" : `must be ${String(issue.minimum)} or more`;
    case "too_big":
      return issue.origin === "array"
        ? `must be a list of at most ${String(issue.maximum)}`
        : `must be ${String(issue.maximum)} or less`;
    default:
      return issue.message;
  }
}

/** The value at a path of a config, undefined where there is none. */
export function valueAt(raw: unknown, path: KeyPath): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      typeof value === "object" && value !== null && Object.hasOwn(value, key)
        ? (value as Record<string | number, unknown>)[key]
        : undefined,
    raw,
  );
}
