import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { dropletPaths } from "./paths";

const MOUNTED = "/sys/fs/cgroup";
/** The controllers that a droplet gets. */
const CONTROLLERS = ["cpu", "memory", "pids"] as const;

/** The name of a droplet's cgroups on this machine; several checkouts may have a droplet of one name. */
function cgroupName(name: string): string {
  const digest = createHash("sha256").update(dropletPaths(name).folder).digest("hex");
  return `droplet-${name}-${digest.slice(0, 8)}`;
}

/**
 * Creates a droplet's cgroups below those of this process, so that the machine's limits stay in force. The droplet shows them as
 * its own /sys/fs/cgroup.
 *
 * @returns lines "CONTROLLER FOLDER" for version 1, one line ". FOLDER" for version 2; empty if this process may create none
 */
export function makeCgroups(name: string): string {
  removeCgroups(name);
  try {
    return existsSync(join(MOUNTED, "cgroup.controllers")) ? makeUnified(name) : makeSeparate(name);
  } catch (error) {
    console.error(`the droplet ${name} has no cgroups: ${String(error)}`);
    return "";
  }
}

/** Version 2: a cgroup with processes gives its children no controllers, so the droplet's is below the root, which may have some. */
function makeUnified(name: string): string {
  const folder = join(MOUNTED, cgroupName(name));
  const enabled = readFileSync(join(MOUNTED, "cgroup.subtree_control"), "utf8").split(/\s+/);
  for (const controller of CONTROLLERS) {
    if (!enabled.includes(controller)) writeFileSync(join(MOUNTED, "cgroup.subtree_control"), `+${controller}`);
  }
  mkdirSync(folder);
  return `. ${folder}`;
}

function makeSeparate(name: string): string {
  const own = readFileSync("/proc/self/cgroup", "utf8").split("\n");
  const lines = CONTROLLERS.flatMap((controller) => {
    const path = own
      .map((line) => line.split(":"))
      .find(([, names = ""]) => names.split(",").includes(controller))?.[2];
    const parent = join(MOUNTED, controller, path ?? "");
    if (path === undefined || !existsSync(join(parent, "cgroup.procs"))) return [];
    mkdirSync(join(parent, cgroupName(name)));
    return [`${controller} ${join(parent, cgroupName(name))}`];
  });
  return lines.join("\n");
}

/** Removes a droplet's cgroups and all below them. Its processes have ended. */
export function removeCgroups(name: string): void {
  for (const folder of cgroupsOf(name)) for (const inner of [...foldersBelow(folder), folder]) rmdirSync(inner);
}

/** The folders of a droplet's cgroups on this machine. */
export function cgroupsOf(name: string): string[] {
  return existsSync(MOUNTED) ? foldersBelow(MOUNTED, cgroupName(name)) : [];
}

/** The folders below one, children first; with a name, only those that have it. */
function foldersBelow(folder: string, called?: string): string[] {
  const inside = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return inside.flatMap((entry) => {
    const path = join(folder, entry.name);
    if (called !== undefined && basename(path) === called) return [path];
    return [...foldersBelow(path, called), ...(called === undefined ? [path] : [])];
  });
}
