/** The config of a stack as its file has it, for scripts that run without Pulumi's engine. */
import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { z } from "zod";
import { NAMESPACE } from "./schema";

/** What stands in for an encrypted value. */
export const SEALED = "[secret]";

const PREFIX = `${NAMESPACE}:`;
const stackFile = z.object({ config: z.record(z.string(), z.unknown()).nullish() }).nullable();
const sealed = z.strictObject({ secure: z.string() });

export interface StackFile {
  /** For `parseConfig`: top-level keys without their namespace. */
  readonly raw: Readonly<Record<string, unknown>>;
  /** Top-level keys with an encrypted value in them. */
  readonly secretKeys: readonly string[];
}

/**
 * Reads a `Pulumi.STACK.yaml`. What is encrypted stays so: variables of an environment become a placeholder, every
 * other encrypted value is left out, so that the key has its default.
 * Throws the file system's error, or one that names the file where it is no stack's file.
 */
export function readStackFile(path: string): StackFile {
  const text = readFileSync(path, "utf8");
  const file = stackFile.safeParse(parsedYaml(path, text));
  if (!file.success) throw new Error(`${path} is not the file of a stack: it has no mapping "config:"`);
  const own = Object.entries(file.data?.config ?? {}).filter(([key]) => key.startsWith(PREFIX));
  const named = own.map(([key, value]): [string, unknown] => [key.slice(PREFIX.length), value]);
  return {
    raw: Object.fromEntries(named.flatMap(([key, value]) => (isSealed(value) ? [] : [[key, unsealed(value, false)]]))),
    secretKeys: named.filter(([, value]) => hasSealed(value)).map(([key]) => key),
  };
}

function parsedYaml(path: string, text: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    // Only the first line: below it the parser shows the file's own text.
    const [reason = ""] = String(error instanceof Error ? error.message : error).split("\n");
    throw new Error(`${path} is not YAML: ${reason}`);
  }
}

function isSealed(value: unknown): boolean {
  return sealed.safeParse(value).success;
}

function hasSealed(value: unknown): boolean {
  return isSealed(value) || (isTree(value) && Object.values(value).some(hasSealed));
}

function unsealed(value: unknown, isEnv: boolean): unknown {
  if (Array.isArray(value)) return value.filter((item) => !isSealed(item)).map((item) => unsealed(item, false));
  if (!isTree(value)) return value;
  const entries = Object.entries(value).flatMap(([key, inner]): [string, unknown][] => {
    if (isSealed(inner)) return isEnv ? [[key, SEALED]] : [];
    return [[key, unsealed(inner, key === "env")]];
  });
  return Object.fromEntries(entries);
}

function isTree(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
