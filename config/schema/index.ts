/** The schema of a stack's config in the namespace `hornet`. Its descriptions become docs/config.md. */
import { z } from "zod";
import { agent } from "./agent";
import { bridge, droplet, fleet, vmm } from "./droplet";
import { droplets } from "./droplets";
import { clones, guest, identity, snapshot } from "./guest";
import { steps } from "./steps";

/** Namespace of the config's keys, whatever the program's own project is called. */
export const NAMESPACE = "hornet";

/**
 * Form and default of every key. Rules over several keys are in `config/rules`, so that they are checked even
 * when one key is malformed.
 */
export const configSchema = z.strictObject({
  droplet,
  droplets,
  bridge,
  guest,
  snapshot,
  fleet,
  identity,
  agent,
  vmm,
  clones,
  steps,
});

/** A config whose keys are well-formed each by itself, defaults filled in. */
export type ConfigShape = z.output<typeof configSchema>;

/** The top-level keys. */
export type ConfigKey = keyof ConfigShape;
