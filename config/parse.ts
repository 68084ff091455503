/** From a raw config to a spec or to all of its faults. Pure. */
import type { z } from "zod";
import { crossCheck } from "./rules";
import { ConfigFaults, documentedExample, pathText, type Fault } from "./faults";
import { UNKEPT_KEY, unkeptPaths } from "../model/formats";
import { readIssue } from "./issues";
import { flatIssues, valueAt } from "../model/issues";
import { configSchema, type ConfigShape } from "./schema";
import { configOf, type FleetSpec, specOf } from "./spec";
import type { KeyPath } from "./schema/walk";

export type ParsedConfig =
  { readonly ok: true; readonly spec: FleetSpec } | { readonly ok: false; readonly faults: readonly Fault[] };

export interface ParseOptions {
  /** Top-level keys that are encrypted: no fault shows a value of theirs. */
  readonly secretKeys?: readonly string[];
  /** Those of them that are known to have an encrypted value: of most keys Hornet cannot keep one secret, and takes none. */
  readonly sealedKeys?: readonly string[];
}

/** The top-level keys that have environments, which are kept as secrets from the config to the guest. */
const WITH_ENVIRONMENT: readonly string[] = ["identity", "clones", "steps", "droplets"];

/**
 * Checks a whole config and fills in the defaults. All faults are found at once: a key that is malformed is left out
 * for the checks that compare several keys, and only those that need this very key are skipped.
 * @param raw top-level keys without their namespace; a value may be JSON text, as `pulumi config set` stores it
 */
export function parseConfig(raw: Readonly<Record<string, unknown>>, options: ParseOptions = {}): ParsedConfig {
  const config = decodedConfig(raw);
  const { shape, unusable, faults: malformed } = parseShape(config, options);
  const faults = [...malformed, ...crossCheck(shape, unusable, options.secretKeys ?? [])];
  const { droplet } = shape;
  return faults.length === 0 && droplet !== undefined
    ? { ok: true, spec: specOf({ ...shape, droplet }) }
    : { ok: false, faults };
}

/** A config with its JSON texts read, and without values of too many levels. */
export function decodedConfig(raw: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const values = Object.entries(raw).map(([key, value]): [string, unknown] => [key, decoded(value)]);
  return Object.fromEntries(values.map(([key, value]) => [key, isTooDeep(value) ? TOO_DEEP : value]));
}

/** A config as far as each key is well-formed by itself. */
export interface ParsedShape {
  readonly shape: ConfigShape;
  /** Paths of malformed keys; the shape has defaults in their place. */
  readonly unusable: readonly KeyPath[];
  readonly faults: readonly Fault[];
}

/** Checks each key of a decoded config by itself. */
export function parseShape(config: Readonly<Record<string, unknown>>, options: ParseOptions): ParsedShape {
  const secretKeys = options.secretKeys ?? [];
  const first = configSchema.safeParse(config);
  const issues = first.success
    ? []
    : flatIssues(first.error.issues).flatMap((issue) => readIssue(issue, config, (path) => isSecret(path, secretKeys)));
  const shape = first.success ? first.data : salvage(config, first.error.issues);
  const unusable = issues.flatMap(({ path, meant }) => (meant ? [path, meant] : [path]));
  const faults = [
    ...issues.map(({ fault }) => fault),
    ...unkeptPaths(config).map(unkeptFault),
    ...(options.sealedKeys ?? []).flatMap(sealedFault),
  ];
  return { shape, unusable, faults };
}

/** Levels of a key's value; the schema has five. Each reader of it calls itself for each, and Node's stack ends at some 10,000. */
const DEEPEST = 100;
/** Stands for a value with more levels; no schema takes it for another. */
const TOO_DEEP = Symbol(`a value of more than ${DEEPEST} levels`);

function isTooDeep(value: unknown): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; depth <= DEEPEST; depth += 1) {
    level = level.flatMap((one): unknown[] => (typeof one === "object" && one !== null ? Object.values(one) : []));
    if (level.length === 0) return false;
  }
  return true;
}

/**
 * Judges a spec that a program wrote by hand as the config that means the same.
 * @throws ConfigFaults
 */
export function judgedSpec(spec: FleetSpec, stack: string): FleetSpec {
  const parsed = parseConfig(configOf(spec));
  if (!parsed.ok) throw new ConfigFaults(stack, parsed.faults);
  return parsed.spec;
}

/** The schema's parser drops this key in silence, wherever it is. */
function unkeptFault(path: readonly string[]): Fault {
  const example = documentedExample(path.slice(0, -1));
  return { path: pathText(path), problem: `no key may be named ${UNKEPT_KEY}`, example };
}

/** It would stand in the state as plain text, and in argument lists. */
function sealedFault(key: string): Fault[] {
  if (WITH_ENVIRONMENT.includes(key) || !(key in configSchema.shape)) return [];
  const problem =
    "has an encrypted value in it, but environments alone are kept secret: let the agent read it from there";
  return [{ path: pathText([key]), problem, example: "hornet:identity: {env: {API_KEY: {secure: …}}}" }];
}

function decoded(value: unknown): unknown {
  if (typeof value !== "string" || !/^\s*[[{]/.test(value)) return value;
  try {
    return JSON.parse(value);
  } catch {
    // The parser's own words would show the text, which may be secret. As text it fails the schema's check.
    return value;
  }
}

/** Identities are always taken for secret: a value that should be encrypted may still be plain. */
function isSecret(path: KeyPath, secretKeys: readonly string[]): boolean {
  const kept = ["identity", "env", "stdin"];
  return path.some((key) => kept.includes(String(key))) || secretKeys.includes(String(path[0]));
}

/** What is left of a config without the keys that issues are about: well-formed, defaults in place of what went. */
function salvage(config: unknown, issues: readonly z.core.$ZodIssue[]): ConfigShape {
  const places = issues.flatMap(placesOf).map((path) => presentPart(config, path));
  const rest = places.some((path) => path.length === 0) ? {} : without(config, places);
  const next = configSchema.safeParse(rest);
  return next.success ? next.data : salvage(rest, next.error.issues);
}

function placesOf(issue: z.core.$ZodIssue): KeyPath[] {
  const path = issue.path.map((key) => (typeof key === "symbol" ? String(key) : key));
  return issue.code === "unrecognized_keys" ? issue.keys.map((key) => [...path, key]) : [path];
}

/** The path itself, or the nearest above with a value: an entry that lacks a key goes as a whole. */
function presentPart(config: unknown, path: KeyPath): KeyPath {
  return path.length === 0 || valueAt(config, path) !== undefined ? path : presentPart(config, path.slice(0, -1));
}

/** A copy without the values at the paths; lists close up. */
function without(value: unknown, paths: readonly KeyPath[]): unknown {
  if (paths.length === 0 || typeof value !== "object" || value === null) return value;
  // One pass over the paths: a list of thousands may have as many faults.
  const below = new Map<string, KeyPath[]>();
  for (const [head, ...rest] of paths) {
    const known = below.get(String(head));
    if (known === undefined) below.set(String(head), [rest]);
    else known.push(rest);
  }
  const kept = Object.entries(value).flatMap(([key, inner]): [string, unknown][] => {
    const inside = below.get(key) ?? [];
    return inside.some((path) => path.length === 0) ? [] : [[key, without(inner, inside)]];
  });
  return Array.isArray(value) ? kept.map(([, inner]) => inner) : Object.fromEntries(kept);
}
