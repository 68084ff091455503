import { readFile, readdir } from "node:fs/promises";
import { z } from "zod";
import { writeWhole } from "../../host/wholeFile";
import { dropletPaths, dropletsFolder } from "./paths";

const processSchema = z.strictObject({ pid: z.int().positive(), startTime: z.string().regex(/^\d+$/) });

/** A droplet's name, which is also its host name and its folder. */
export const nameSchema = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/, "a droplet's name is 1 to 32 lower-case letters, digits and dashes");

/**
 * @returns the name
 * @throws where it cannot be a droplet's name
 */
export function checkName(name: string): string {
  const checked = nameSchema.safeParse(name);
  if (!checked.success) throw new Error(`${JSON.stringify(name)}: ${checked.error.issues[0]?.message ?? "no name"}.`);
  return checked.data;
}

export const recordSchema = z.strictObject({
  name: nameSchema,
  host: z.literal("127.0.0.1"),
  port: z.int().min(0).max(65535),
  user: z.literal("root"),
  privateKeyPath: z.string(),
  hostKey: z.string().regex(/^ssh-ed25519 [A-Za-z0-9+/=]+$/),
  created: z.iso.datetime(),
  /** The request at the start: paths, `none`, or nothing for the checkout's own builds. */
  chosen: z.object({
    firecracker: z.string().optional(),
    kernel: z.string().optional(),
    rootfs: z.string().optional(),
  }),
  /** The sources of /usr/bin/firecracker and /opt/swarm/images; absolute paths on this machine. */
  firecracker: z.string().nullable(),
  kernel: z.string().nullable(),
  rootfs: z.string().nullable(),
  /** Whether /opt/swarm is a file system that can clone files by reference. */
  reflink: z.boolean(),
  /** The droplet's processes. The start time distinguishes each from a later process with the same pid. */
  processes: z
    .strictObject({
      supervisor: processSchema,
      init: processSchema,
      internet: processSchema,
    })
    .nullable(),
});

/** One process of this machine. `startTime` is in clock ticks since boot, as /proc/PID/stat has it. */
export type ProcessId = z.infer<typeof processSchema>;

/** The record of one simulated droplet; the content of its `droplet.json`. */
export type DropletRecord = z.infer<typeof recordSchema>;

/** Reads a droplet's record; undefined where there is no such droplet. */
export async function readRecord(name: string): Promise<DropletRecord | undefined> {
  const { record, folder } = dropletPaths(name);
  let text: string;
  try {
    text = await readFile(record, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  try {
    return recordSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new Error(
      `the record of the simulated droplet ${name}, ${record}, is damaged: the disk may have been full\n` +
        `  next: remove the folder ${folder} and run npm run droplet -- start ${name}`,
      { cause: error },
    );
  }
}

/** Writes a droplet's record whole: a reader sees the old one or the new one. */
export function writeRecord(record: DropletRecord): void {
  writeWhole(dropletPaths(record.name).record, `${JSON.stringify(record, null, 2)}\n`);
}

/** The names of all droplets that have a record, running or not. */
export async function recordedNames(): Promise<string[]> {
  const entries = await readdir(dropletsFolder(), { withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isDirectory() && nameSchema.safeParse(entry.name).success)
    .map((entry) => entry.name)
    .sort();
}
