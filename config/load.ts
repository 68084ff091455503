/** The config of the stack that the Pulumi program runs for. */
import * as pulumi from "@pulumi/pulumi";
import { ConfigFaults } from "./faults";
import { parseConfig, type ParseOptions } from "./parse";
import { type ConfigKey, NAMESPACE } from "./schema";
import type { FleetSpec } from "./spec";
import { parseStack, type NamedFleet } from "./stack";

const PREFIX = `${NAMESPACE}:`;

/**
 * The spec of this stack's fleet. Environments are plain in it also where the config has them encrypted: they are made secrets
 * where they become inputs of a resource.
 * Throws ConfigFaults, with all faults at once, on a config that cannot be used.
 */
export function loadConfig(): FleetSpec {
  const parsed = parseConfig(...readConfig());
  if (!parsed.ok) throw new ConfigFaults(pulumi.getStack(), parsed.faults);
  return parsed.spec;
}

/**
 * The fleets of this stack: one for `hornet:droplet`, without a name, and one for each entry of `hornet:droplets`.
 *
 * @throws ConfigFaults, with all faults at once, on a config that cannot be used
 */
export function loadStack(): readonly NamedFleet[] {
  const parsed = parseStack(...readConfig());
  if (!parsed.ok) throw new ConfigFaults(pulumi.getStack(), parsed.faults);
  return parsed.fleets;
}

function readConfig(): [raw: Readonly<Record<string, unknown>>, options: ParseOptions] {
  // All keys and not `Config.getObject` key by key: only so are unknown keys seen, and its error would show the text.
  const own = Object.entries(pulumi.runtime.allConfig()).filter(([key]) => key.startsWith(PREFIX));
  const keys = own.map(([key]) => key.slice(PREFIX.length));
  const raw = Object.fromEntries(own.map(([key, value]) => [key.slice(PREFIX.length), value]));
  const secretKeys = keys.filter(isSecret);
  return [raw, { secretKeys, sealedKeys: secretsAreKnown() ? secretKeys : [] }];
}

/**
 * Whether a top-level key has an encrypted value in it. Pulumi tells it of whole keys only: one encrypted variable
 * makes all of `hornet:identity` secret.
 */
export function isSecret(key: ConfigKey | (string & {})): boolean {
  // Should the SDK not tell one day, everything is secret rather than nothing.
  return runtime.isConfigSecret?.(PREFIX + key) ?? true;
}

/** The SDK has the function but not its type. */
const runtime = pulumi.runtime as { isConfigSecret?: (key: string) => boolean };

function secretsAreKnown(): boolean {
  return runtime.isConfigSecret !== undefined;
}
