/** The operator's records of this checkout's simulated droplets; sandbox/ makes them. */
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { z } from "zod";
import type { SshConnection } from "../model/connection";
import { filled } from "./backend";

/** This checkout. */
export const checkout = resolve(__dirname, "..");

/** The connection in a simulated droplet's record. */
const recordedConnection = z.object({
  host: z.string(),
  user: z.string(),
  port: z.number(),
  privateKeyPath: z.string(),
  hostKey: z.string(),
});

/** The folder of this checkout's stack `local` and its simulated droplets; `HORNET_STATE` names another one. */
export function stateFolder(): string {
  return resolve(filled(process.env.HORNET_STATE) ?? resolve(checkout, ".hornet"));
}

/** The folder of a program's files on the operator's machine, from the program's own folder; `HORNET_STATE` names another one. */
export function filesFolder(): string {
  return filled(process.env.HORNET_STATE) ?? ".hornet";
}

/** The folder of this checkout's simulated droplets. */
export function dropletsFolder(): string {
  return resolve(stateFolder(), "droplets");
}

/** The record of one simulated droplet. */
export function recordOf(name: string): string {
  return resolve(dropletsFolder(), name, "droplet.json");
}

/** The connection to a simulated droplet; undefined if it was never started. */
export function simulatedConnection(name: string): SshConnection | undefined {
  const record = recordOf(name);
  return existsSync(record) ? recordedConnection.parse(JSON.parse(readFileSync(record, "utf8"))) : undefined;
}
