/** Helpers of the tests in this folder. */
import { parse } from "yaml";
import type { Fault } from "./faults";
import { parseConfig, type ParseOptions } from "./parse";
import type { FleetSpec } from "./spec";

export type RawConfig = Readonly<Record<string, unknown>>;

/** A config of this machine's own droplet. */
export function local(config: RawConfig = {}): RawConfig {
  return { droplet: { local: true }, ...config };
}

/** The faults of a config; none where it is right. */
export function faultsOf(config: RawConfig, options?: ParseOptions): readonly Fault[] {
  const parsed = parseConfig(config, options);
  return parsed.ok ? [] : parsed.faults;
}

/** The spec of a config that must be right. */
export function specOf(config: RawConfig): FleetSpec {
  const parsed = parseConfig(config);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults, undefined, 2));
  return parsed.spec;
}

/** The config after somebody has followed a fault's example: what is wrong goes, what the example sets comes. */
export function cured(config: RawConfig, fault: Fault): RawConfig {
  const keys = fault.path.replace(/^hornet:/, "").split(".");
  const indexed = keys.findIndex((key) => key.includes("["));
  const path = (indexed < 0 ? keys : keys.slice(0, indexed + 1)).map((key) => key.replace(/\[.*$/, ""));
  const line = parse(fault.example) as Record<string, unknown>;
  const example = Object.fromEntries(Object.entries(line).map(([key, value]) => [key.replace(/^hornet:/, ""), value]));
  return merged(dropped(config, path), example) as RawConfig;
}

function dropped(value: unknown, [first = "", ...rest]: readonly string[]): unknown {
  if (!isMapping(value)) return value;
  const isMeant = (key: string): boolean => (first.endsWith("…") ? key.startsWith(first.slice(0, -1)) : key === first);
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]) => {
      if (!isMeant(key)) return [[key, inner]];
      return rest.length === 0 ? [] : [[key, dropped(inner, rest)]];
    }),
  );
}

function merged(base: unknown, over: unknown): unknown {
  if (!isMapping(base) || !isMapping(over)) return over;
  const both = Object.entries(over).map(([key, value]): [string, unknown] => [key, merged(base[key], value)]);
  return { ...base, ...Object.fromEntries(both) };
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
