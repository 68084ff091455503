/** Changes of a stack's config file: by keys, with secrets encrypted by the stack's own provider. */
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { parseDocument, type Document } from "yaml";
import { NAMESPACE } from "../config/schema";
import { capture } from "../host/exec";
import { HornetError } from "../host/errors";
import { writeWhole } from "../host/wholeFile";
import type { Paths } from "./cli";
import type { Place } from "./place";

/** A value that the stack keeps encrypted; see {@link secret}. */
export interface Secret {
  readonly secret: string;
}

/** Marks a value of a config as secret: Pulumi encrypts it in the stack's file and in its state. */
export function secret(value: string): Secret {
  return { secret: value };
}

/** A value in a config, with {@link secret} ones anywhere in it; undefined removes a key. */
export type ConfigValue =
  string | number | boolean | Secret | undefined | readonly ConfigValue[] | { readonly [key: string]: ConfigValue };

/**
 * The changes of a config by path: `{"fleet.count": 3, "identity.env": {KEY: secret("…")}}`. A path without a namespace is below
 * `hornet:`; its parts are separated by dots, and a part may be a clone's id.
 */
export type ConfigChanges = Readonly<Record<string, ConfigValue>>;

type Path = readonly (string | number)[];

/**
 * Applies changes to a stack's config file, all or none. Comments and other keys stay as they are.
 *
 * @throws HornetError if the file is no YAML, or a secret cannot be encrypted
 */
export async function changeConfig(paths: Paths, place: Place, changes: ConfigChanges): Promise<void> {
  const { configFile } = place;
  const secrets: { path: Path; value: string }[] = [];
  const before = existsSync(configFile) ? readFileSync(configFile, "utf8") : "config: {}\n";
  const document = parseDocument(before);
  if (document.errors.length > 0)
    throw new HornetError(`${configFile} is not YAML: ${document.errors[0]?.message ?? ""}`);
  for (const [name, value] of Object.entries(changes)) {
    const path = pathIn(document, pathOf(name));
    const plain = withoutSecrets(value, path, secrets);
    if (plain !== undefined) document.setIn(["config", ...path], document.createNode(plain));
    else if (document.hasIn(["config", ...path])) document.deleteIn(["config", ...path]);
  }
  const text = document.toString({ lineWidth: 0 });
  const mode = existsSync(configFile) ? statSync(configFile).mode & 0o777 : 0o600;
  if (secrets.length > 0) writeWhole(configFile, await encrypted(paths, place, text, secrets), mode);
  else if (text !== before) writeWhole(configFile, text, mode);
}

/** The path with the keys that the file has: a clone's id may be a number or a text there. */
function pathIn(document: Document.Parsed, path: readonly string[]): Path {
  const found: (string | number)[] = [];
  for (const part of path) {
    const isNumber = /^\d+$/.test(part) && document.hasIn(["config", ...found, Number(part)]);
    found.push(isNumber ? Number(part) : part);
  }
  return found;
}

/** The path in the file: the first part is a whole key with its namespace, as Pulumi writes it. */
function pathOf(name: string): string[] {
  const [first = "", ...rest] = name.split(".");
  return [first.includes(":") ? first : `${NAMESPACE}:${first}`, ...rest];
}

function isSecret(value: ConfigValue): value is Secret {
  return (
    typeof value === "object" &&
    "secret" in value &&
    Object.keys(value).length === 1 &&
    typeof value.secret === "string"
  );
}

function withoutSecrets(value: ConfigValue, path: Path, secrets: { path: Path; value: string }[]): unknown {
  if (value === undefined || typeof value !== "object") return value;
  if (isSecret(value)) {
    secrets.push({ path, value: value.secret });
    return undefined;
  }
  if (Array.isArray(value)) {
    return (value as readonly ConfigValue[]).map((item, at) => withoutSecrets(item, [...path, at], secrets));
  }
  const entries = Object.entries(value as Readonly<Record<string, ConfigValue>>);
  const plain = entries.map(([key, inner]) => [key, withoutSecrets(inner, [...path, key], secrets)] as const);
  return Object.fromEntries(plain.filter(([, inner]) => inner !== undefined));
}

/**
 * The text with the secrets encrypted: the CLI does that, in a copy, one value at a time, each on its stdin: an argument list
 * would show them.
 */
async function encrypted(
  paths: Paths,
  { stack, workDir, configFile, env }: Place,
  text: string,
  secrets: readonly { path: Path; value: string }[],
): Promise<string> {
  const folder = mkdtempSync(join(dirname(configFile), ".config-"));
  const copy = join(folder, basename(configFile));
  try {
    if (existsSync(configFile)) copyFileSync(configFile, copy);
    writeWhole(copy, text);
    for (const { path, value } of secrets) {
      const key = path.map((part, at) => (at === 0 ? part : `[${JSON.stringify(part)}]`)).join("");
      const command = ["config", "set", "--secret", "--path", key, "--stack", stack, "--config-file", copy];
      const argv = [resolve(paths.pulumi, "pulumi"), ...command, "--non-interactive"] as const;
      const { code, stderr } = await capture(argv, { cwd: workDir, env, input: value });
      if (code !== 0) {
        throw new HornetError(`the value of ${path.join(".")} in the stack ${stack} cannot be encrypted`, {
          details: [stderr.trim()],
        });
      }
    }
    return readFileSync(copy, "utf8");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
