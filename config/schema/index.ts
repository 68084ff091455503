/** The schema of a stack's config under the name `hornet`. It says what each key means; the reference is made from it. */
import { z } from "zod";
import { agent } from "./agent";
import { bridge, droplet, fleet, vmm } from "./droplet";
import { clones, guest, identity, snapshot } from "./guest";
import { steps } from "./steps";

/** Namespace of the config's keys, whatever the program's own project is called. */
export const NAMESPACE = "hornet";

/**
 * Form and defaults of every key. What several keys must fulfil together is in `cross-checks.ts`, so that it is
 * checked, too, where a single key is malformed.
 */
export const configSchema = z.strictObject({
  droplet,
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
