import { dirname, resolve } from "node:path";
import { checkout, dropletsFolder, recordOf } from "../../operator/simulatedDroplet";

export { checkout, dropletsFolder };

/**
 * Folders of the machine that appear in a droplet, read-only, even below the droplet's own folders: this checkout and the Node
 * that runs it, for the tests that run Hornet inside a droplet.
 */
export const keptFolders: readonly string[] = [checkout, resolve(dirname(process.execPath), "..")];

/** The files of one simulated droplet. */
export interface DropletPaths {
  readonly folder: string;
  readonly record: string;
  readonly lock: string;
  readonly log: string;
  readonly privateKey: string;
  readonly hostKey: string;
  /** The droplet's own /etc, /opt, /root, /var/log and /var/tmp, and /opt/swarm. */
  readonly etc: string;
  readonly opt: string;
  readonly root: string;
  readonly varLog: string;
  readonly varTmp: string;
  readonly swarm: string;
  /** The image of /opt/swarm for a droplet that clones files by reference. */
  readonly swarmImage: string;
}

/** Names every file of the droplet `name`. */
export function dropletPaths(name: string): DropletPaths {
  const folder = resolve(dropletsFolder(), name);
  return {
    folder,
    record: recordOf(name),
    // Beside the folder, so that removing the folder does not remove the lock.
    lock: resolve(dropletsFolder(), `.${name}.lock`),
    log: resolve(folder, "supervisor.log"),
    privateKey: resolve(folder, "id_ed25519"),
    hostKey: resolve(folder, "ssh_host_ed25519_key"),
    etc: resolve(folder, "fs/etc"),
    opt: resolve(folder, "fs/opt"),
    root: resolve(folder, "fs/root"),
    varLog: resolve(folder, "fs/var-log"),
    varTmp: resolve(folder, "fs/var-tmp"),
    swarm: resolve(folder, "fs/swarm"),
    swarmImage: resolve(folder, "swarm.xfs"),
  };
}
