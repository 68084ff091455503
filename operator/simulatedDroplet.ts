/** The simulated droplets of this checkout, as the operator's machine records them; sandbox/ makes them. */
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { z } from "zod";
import type { SshConnection } from "../model/connection";

/** This checkout. */
export const checkout = resolve(__dirname, "..");

/** The part of a simulated droplet's record that says how Hornet reaches it. */
const recordedConnection = z.object({
  host: z.string(),
  user: z.string(),
  port: z.number(),
  privateKeyPath: z.string(),
  hostKey: z.string(),
});

/** Where this checkout keeps its stack `local` and its simulated droplets; `HORNET_STATE` names another folder. */
export function stateFolder(): string {
  return resolve(process.env.HORNET_STATE ?? resolve(checkout, ".hornet"));
}

/** Where the simulated droplets of this checkout keep their state. */
export function dropletsFolder(): string {
  return resolve(stateFolder(), "droplets");
}

/** The record of one simulated droplet. */
export function recordOf(name: string): string {
  return resolve(dropletsFolder(), name, "droplet.json");
}

/** How Hornet reaches a simulated droplet; undefined where it was never started. */
export function simulatedConnection(name: string): SshConnection | undefined {
  const record = recordOf(name);
  return existsSync(record) ? recordedConnection.parse(JSON.parse(readFileSync(record, "utf8"))) : undefined;
}
