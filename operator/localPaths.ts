import { resolve } from "node:path";
import { checkout, stateFolder } from "./simulatedDroplet";

export { checkout };

/** The stack of `npm run up` and `npm run down`. */
export const LOCAL = "local";

/** The project's name in Pulumi.yaml. */
export const PROJECT = "hornet";

/** The files of the stack `local`; `HORNET_STATE` puts them, and the simulated droplets, elsewhere. */
export function localPaths(): {
  readonly folder: string;
  readonly state: string;
  readonly stackFile: string;
  readonly locks: string;
  readonly history: string;
  readonly passphrase: string;
  readonly committed: string;
  readonly config: string;
  readonly base: string;
} {
  const root = stateFolder();
  const state = resolve(root, "state");
  return {
    /** The stack's own files: its config, and the ssh_config that `up` writes. */
    folder: resolve(root, LOCAL),
    /** Pulumi's state; in it the stack's file and the locks of running operations. */
    state,
    stackFile: resolve(state, ".pulumi/stacks", PROJECT, `${LOCAL}.json`),
    locks: resolve(state, ".pulumi/locks/organization", PROJECT, LOCAL),
    /** One file for each operation. */
    history: resolve(state, ".pulumi/history", PROJECT, LOCAL),
    passphrase: resolve(root, "passphrase"),
    /** The config in git; the copy that Pulumi reads and writes; the config in git at the last merge. */
    committed: resolve(checkout, `Pulumi.${LOCAL}.yaml`),
    config: resolve(root, LOCAL, `Pulumi.${LOCAL}.yaml`),
    base: resolve(root, LOCAL, "committed.yaml"),
  };
}
