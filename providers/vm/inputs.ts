import { z } from "zod";
import { artifactSchema } from "../../firecracker/manifest";
import { commonInputs } from "../kit/definition";
import { guestArguments } from "../../model/arguments/network";
import { identityMethods, vmArguments } from "../../model/arguments/vm";
import { ipv4, namespaceName, plainText } from "../../model/values";

/** The arguments of a FirecrackerVM. */
export const vmInputs = commonInputs.extend({
  /** The clone's name: its hostname and, by AGENT_ID, its agent's id. */
  name: namespaceName,
  /** The namespace it runs in; a CloneNamespace of the same stack. */
  namespace: namespaceName,
  /** The clone's own address, without prefix. */
  address: ipv4,
  /** The snapshot: SnapshotArtifact.artifact. */
  artifact: artifactSchema,
  /**
   * When the clone's namespace and rules changed last (CloneNamespace.changedAt, NatRuleSet.changedAt): another time runs
   * the smoke tests again.
   */
  networkChangedAt: plainText.optional(),
  tap: guestArguments.tap,
  guestAddress: guestArguments.guestAddress,
  tapAddress: guestArguments.tapAddress,
  ...vmArguments,
  /**
   * Whether the VMM reports its counters to a MetricsCollector of the same stack. A change takes effect at the VMM's next
   * start: Firecracker takes this setting only before it runs its VM.
   */
  metrics: z.boolean().optional(),
  /**
   * The ssh_config on the operator's machine that the clone has an entry in, from its creation to its end. A folder without a
   * slash is below `.hornet`, or below the folder that HORNET_STATE names. With the alias of one
   * of several droplets, it is below the stack's folder there. Left out: only an SshConfig makes entries.
   */
  sshConfig: z
    .strictObject({ stack: plainText.min(1), folder: plainText.min(1), alias: plainText.min(1).optional() })
    .optional(),
  /** Another value than before gives the clone a new disk. */
  renewDisk: plainText.default(""),
  /** Another value than before restarts the VMM; the guest boots from the disk that it has. */
  restart: plainText.default(""),
});

/** What a FirecrackerVM knows of itself. */
export const vmOutputs = z.object({
  /** The clone's public host key, `ssh-ed25519 AAAA…`. */
  sshHostKey: z.string(),
  /** What its private half, and its machine id, are made of; see firecracker/hostkey.ts. Secret. */
  hostKeySeed: z.string(),
  generation: z.string(),
  pid: z.number(),
  /** How the private disk was made: `reflink` or `sparse`. */
  disk: z.string(),
  /** The Firecracker that runs it, in words; empty for a VMM that an earlier Hornet started. */
  vmm: z.string().default(""),
  /** How its guest got its identity. */
  identityMethod: z.enum(identityMethods).default("service"),
  ready: z.boolean(),
  /** ms spent: network, disk, launch, load, identity, resume, ready; of what was not done there is none. */
  timings: z.record(z.string(), z.number()),
});

/** See {@link vmInputs}. */
export type VmInputs = z.infer<typeof vmInputs>;
/** See {@link vmOutputs}. */
export type VmOutputs = z.infer<typeof vmOutputs>;
