/** From a raw config to the fleets of a stack, one on each droplet, or to all faults of the config. Pure. */
import { parse } from "yaml";
import { dropletConfigs, hasDroplets, originOf, type DropletConfig } from "./droplets";
import { exampleLine, pathText, type Fault } from "./faults";
import { decodedConfig, parseConfig, parseShape, type ParseOptions } from "./parse";
import { stackFaults } from "./rules/stack";
import { NAMESPACE } from "./schema";
import type { KeyPath } from "./schema/walk";
import type { FleetSpec } from "./spec";

/** A fleet of a stack. */
export interface NamedFleet {
  /** Its droplet's key in `hornet:droplets`; undefined for `hornet:droplet`, whose resources have no prefix. */
  readonly name: string | undefined;
  readonly spec: FleetSpec;
}

export type ParsedStack =
  | { readonly ok: true; readonly fleets: readonly NamedFleet[] }
  | { readonly ok: false; readonly faults: readonly Fault[] };

/**
 * Checks a whole config and fills in the defaults, as `parseConfig` does, for one droplet or several. A config without
 * `hornet:droplets` gives one fleet without a name.
 *
 * @param raw top-level keys without their namespace; a value may be JSON text, as `pulumi config set` stores it
 */
export function parseStack(raw: Readonly<Record<string, unknown>>, options: ParseOptions = {}): ParsedStack {
  const config = decodedConfig(raw);
  if (!hasDroplets(config)) {
    const parsed = parseConfig(raw, options);
    return parsed.ok ? { ok: true, fleets: [{ name: undefined, spec: parsed.spec }] } : parsed;
  }
  const { faults: malformed } = parseShape(config, options);
  const faults = new Map(malformed.map((fault) => [fault.path, fault]));
  const secretKeys = options.secretKeys ?? [];
  const fleets: NamedFleet[] = [];
  for (const droplet of dropletConfigs(config)) {
    const isSecret = secretKeys.includes("droplets") && droplet.name !== undefined;
    const own = isSecret ? [...secretKeys, ...Object.keys(droplet.config)] : secretKeys;
    const parsed = parseConfig(droplet.config, { secretKeys: own });
    if (parsed.ok) fleets.push({ name: droplet.name, spec: parsed.spec });
    else {
      for (const fault of parsed.faults.map((one) => atOrigin(one, config, droplet))) {
        // A fault of a section that all droplets have is reported once.
        if (!faults.has(fault.path)) faults.set(fault.path, fault);
      }
    }
  }
  for (const fault of stackFaults(config, secretKeys)) {
    if (!faults.has(fault.path)) faults.set(fault.path, fault);
  }
  return faults.size === 0 ? { ok: true, fleets } : { ok: false, faults: [...faults.values()] };
}

/** A fault of a droplet's config, at the place in the stack's config where the value is written. */
function atOrigin(fault: Fault, config: Readonly<Record<string, unknown>>, { name }: DropletConfig): Fault {
  const path = keysOf(fault.path);
  const origin = originOf(config, name, path);
  if (name === undefined || origin[0] !== "droplets") return fault;
  const rest = origin.slice(2);
  const [top = ""] = path;
  const given = parse(fault.example) as Readonly<Record<string, unknown>>;
  const [key = "", value] = Object.entries(given)[0] ?? [];
  const section = key.slice(NAMESPACE.length + 1);
  // The keys of hornet:droplet, and the size of the fleet, are the entry's own keys.
  const isOwnKey = section === "droplet" || (section === "fleet" && top === "fleet" && rest[0] !== "fleet");
  const example = exampleLine(["droplets", name], isOwnKey ? value : { [section]: value });
  return { path: pathText(origin), problem: fault.problem, example };
}

function keysOf(path: string): KeyPath {
  return path
    .slice(NAMESPACE.length + 1)
    .split(/[.[]/)
    .map((key) => (/^\d+\]$/.test(key) ? Number(key.slice(0, -1)) : key));
}
