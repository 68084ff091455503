/** The two files of an ssh_config's folder on the operator's machine. */
import { readFileSync, rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { writeWhole } from "../../host/wholeFile";
import type { SshFiles } from "../../plan/sshConfig";

const CONFIG = "ssh_config";
const KNOWN_HOSTS = "known_hosts";

/** Reads the files; a missing one is empty. */
export function readFiles(folder: string): SshFiles {
  return { config: contentOf(join(folder, CONFIG)), knownHosts: contentOf(join(folder, KNOWN_HOSTS)) };
}

function contentOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

/**
 * Writes the files. The pins come first: the configuration refers to them.
 *
 * @param durable see {@link writeWhole}
 */
export function writeFiles(folder: string, { config, knownHosts }: SshFiles, durable = true): void {
  writeWhole(join(folder, KNOWN_HOSTS), knownHosts, undefined, durable);
  writeWhole(join(folder, CONFIG), config, undefined, durable);
}

/** Removes the files, and the folder if it is empty then. */
export function removeFiles(folder: string): void {
  for (const name of [CONFIG, KNOWN_HOSTS]) rmSync(join(folder, name), { force: true });
  try {
    rmdirSync(folder);
  } catch {
    // It has other files, or is gone.
  }
}
