/** From zod's issues to faults in Hornet's own words. */
import type { z } from "zod";
import { documentedExample, type Fault, pathText, shown } from "./faults";
import { nearest } from "./nearest";
import { problemOf as expectationOf, valueAt } from "../model/issues";
import { configSchema } from "./schema";
import { fieldsOf, itemOf, type KeyPath, metaOf, schemaAt } from "./schema/walk";

type Issue = z.core.$ZodIssue;

/** What an issue says, with the path of the key that it is about. */
export interface ReadIssue {
  readonly path: KeyPath;
  readonly fault: Fault;
  /** The key that was probably meant, where this one is unknown. */
  readonly meant?: KeyPath;
}

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
  const schema = schemaAt(configSchema, path);
  const problem = (schema && metaOf(schema)?.problem) ?? expectationOf(issue);
  // The value at the path of a malformed name is the one behind that name. Where a rule about its parts is broken, a value is
  // of the right kind, which says nothing.
  const isShown = issue.code !== "invalid_key" && !(issue.code === "custom" && schema && hasParts(schema));
  return isShown ? `${problem}, but is ${shown(value, secret)}` : problem;
}

function hasParts(schema: z.core.$ZodType): boolean {
  return itemOf(schema) !== undefined || Object.keys(fieldsOf(schema)).length > 0;
}
