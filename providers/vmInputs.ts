import { z } from "zod";
import { artifactSchema } from "../firecracker/manifest";
import { commonInputs } from "./define";
import { absolutePath, cidr, interfaceName, ipv4, namespaceName } from "./fields";

const seconds = z.number().nonnegative().max(86_400);

/** What a FirecrackerVM is told. */
export const vmInputs = commonInputs.extend({
  /** The clone's name: its hostname and, by AGENT_ID, its agent's id. */
  name: namespaceName,
  namespace: namespaceName,
  /** The clone's address, without prefix. */
  address: ipv4,
  artifact: artifactSchema,
  tap: interfaceName.default("tap0"),
  guestAddress: ipv4,
  tapAddress: cidr,
  user: z.string().default("root"),
  authorizedKeys: z.array(z.string()).default([]),
  env: z.record(z.string(), z.string()).default({}),
  firecracker: absolutePath,
  /** The kernel for a boot from the clone's own disk, where the artifact brings none. */
  kernel: absolutePath,
  /** Seconds until a clone must answer as itself; 0: nobody waits. */
  readyTimeout: seconds.default(60),
  /** Seconds that a guest gets to shut down before its VMM is killed; 0: it is not asked. */
  shutdownTimeout: seconds.default(0),
  /** Another value than before gives the clone a new disk. */
  renewDisk: z.string().default(""),
});

/** What a FirecrackerVM knows of itself. */
export const vmOutputs = z.object({
  /** The clone's public host key, `ssh-ed25519 AAAA…`. */
  sshHostKey: z.string(),
  /** Its private half. Secret. */
  hostKeyPrivate: z.string(),
  machineId: z.string(),
  generation: z.string(),
  pid: z.number(),
  /** How the private disk was made: `reflink` or `sparse`. */
  disk: z.string(),
  ready: z.boolean(),
  /** ms spent: disk, launch, restore, ready. */
  timings: z.record(z.string(), z.number()),
});

/** See {@link vmInputs}. */
export type VmInputs = z.infer<typeof vmInputs>;
/** See {@link vmOutputs}. */
export type VmOutputs = z.infer<typeof vmOutputs>;
