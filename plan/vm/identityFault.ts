import type { IdentityMethod } from "../../firecracker/identity";
import type { LeanDevices } from "../../firecracker/devices";

/** How the config declares that guests get their identity. */
export interface DeclaredIdentity {
  readonly identity: IdentityMethod | "auto";
  /** `hornet:agent.command` is set. */
  readonly agentCommand: boolean;
}

/** What a snapshot supports. */
export interface SnapshotIdentity {
  /** As Hornet found when it made or examined the snapshot. */
  readonly identity: "service" | "ssh";
  /** Empty: the VM has no drive. */
  readonly diskPath: string;
  readonly devices?: LeanDevices | undefined;
}

/** Why the guests of a snapshot cannot get their identity by the declared method; undefined where they can. */
export function identityFault(declared: DeclaredIdentity, snapshot: SnapshotIdentity): string | undefined {
  const { identity, agentCommand } = declared;
  // mmds is undefined for the default metadata service, null for none.
  if (identity === "service" && snapshot.devices?.mmds === null) {
    return (
      "the snapshot's VM has no metadata service, which hornet:guest.identity: service needs: set it to ssh or auto, or " +
      "configure the service (PUT /mmds/config) before the snapshot is taken"
    );
  }
  if (identity === "cloud-init" && snapshot.diskPath === "") {
    return (
      "the snapshot's VM has no disk, and hornet:guest.identity: cloud-init boots clones from theirs: set it to ssh or " +
      "auto, or take the snapshot of a VM with a disk"
    );
  }
  if (identity === "auto" && snapshot.identity === "ssh" && agentCommand) {
    return (
      "the snapshot's guest has no identity service of Hornet's, which runs hornet:agent.command: set " +
      "hornet:agent.service to the guest's own service that is its agent, or put the identity service into the image " +
      "(npm run image); where the image has it, set hornet:guest.identity: ssh"
    );
  }
  return undefined;
}
