/** Faults of a config: what is wrong with which key, and what would be right. */
import { stringify } from "yaml";
import { configSchema, NAMESPACE } from "./schema";
import { isEnvName } from "../model/formats";
import { printable, printableLines } from "../model/printable";
import { type KeyPath, metaOf, schemaAt } from "./schema/walk";

/** One fault of a config. */
export interface Fault {
  /** The key, such as `hornet:fleet.count`. */
  readonly path: string;
  /** What is wrong with it. No value of an environment and no secret is in it. */
  readonly problem: string;
  /** A line of a stack's file that is right. */
  readonly example: string;
}

/** A config that cannot be used. The message is the readable report of all its faults. */
export class ConfigFaults extends Error {
  override readonly name = "ConfigFaults";
  /** By this mark the Pulumi SDK prints the message alone, without a stack trace: the fault is in a file, not in the code. */
  readonly __pulumiRunError = true;

  constructor(
    readonly stackName: string,
    readonly faults: readonly Fault[],
  ) {
    super(formatFaults(stackName, faults));
  }
}

/** Faults that are printed; more of them are of a kind, and would scroll the first ones away. */
const PRINTED = 50;

/** The faults of a stack's config as one readable text. */
export function formatFaults(stack: string, faults: readonly Fault[]): string {
  const number = faults.length === 1 ? "one fault" : `${faults.length} faults`;
  const lines = faults
    .slice(0, PRINTED)
    .map(({ path, problem, example }) => printableLines(`  ${path}: ${problem}\n    right would be: ${example}`));
  return [
    `The config of stack ${stack} has ${number}; nothing was touched.`,
    ...lines,
    ...(faults.length > PRINTED ? [`  … and ${faults.length - PRINTED} more`] : []),
    `Config is in Pulumi.${stack}.yaml; docs/config.md explains every key.`,
  ].join("\n");
}

/** A key's path as faults name it: `hornet:identity.authorizedKeys[0]`. */
export function pathText(path: KeyPath): string {
  const parts = path.map((key, index) => {
    if (typeof key === "number") return `[${key}]`;
    const name = path[index - 1] === "env" ? shownEnvName(key) : printable(key);
    return index === 0 ? name : `.${name}`;
  });
  return `${NAMESPACE}:${parts.join("")}`;
}

/** A mistyped name may be `NAME=value` in one: what comes behind the name is not shown. */
function shownEnvName(name: string): string {
  if (isEnvName(name)) return name;
  return `${/^[A-Za-z0-9_.-]{0,40}/.exec(name)?.[0] ?? ""}…`;
}

/** A line of a stack's file that sets the key at the path. */
export function exampleLine(path: KeyPath, value: unknown): string {
  const [top, ...rest] = path;
  const nested = rest.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value);
  const flow = stringify(nested, { collectionStyle: "flow", flowCollectionPadding: false, lineWidth: 0 }).trim();
  return `${NAMESPACE}:${top ?? ""}: ${flow}`;
}

/** The documented example of the key at the path, or of the nearest key above that has one. */
export function documentedExample(path: KeyPath): string {
  // Lists are shown as a whole: their entries have no place of their own in one line of YAML.
  const firstIndex = path.findIndex((key) => typeof key === "number");
  for (let at = firstIndex < 0 ? path : path.slice(0, firstIndex); at.length > 0; at = at.slice(0, -1)) {
    const schema = schemaAt(configSchema, at);
    const meta = schema && metaOf(schema);
    if (meta !== undefined) return exampleLine(at, meta.example);
  }
  return exampleLine(["fleet"], { count: 3 });
}

/**
 * A value in words, for a fault. Text of several lines is only counted: it is often a key pasted in the wrong place.
 * @param secret show the value's kind only
 */
export function shown(value: unknown, secret: boolean): string {
  if (value === null) return "empty";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a mapping";
  if (typeof value === "number" || typeof value === "boolean") return secret ? `a ${typeof value}` : String(value);
  if (typeof value === "symbol") return value.description ?? "";
  if (typeof value !== "string") return `of type ${typeof value}`;
  if (secret) return "text";
  if (/[\r\n]/.test(value)) return `text of ${value.split(/\r?\n/).length} lines`;
  return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
}
