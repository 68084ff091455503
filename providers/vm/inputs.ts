import { z } from "zod";
import { artifactSchema } from "../../firecracker/manifest";
import { commonInputs } from "../kit/definition";
import {
  absolutePath,
  cidr,
  interfaceName,
  ipv4,
  keepingAllKeys,
  namespaceName,
  programPaths,
} from "../../model/values";
import { smokeTest } from "./smokeTests";
import { defaults } from "../../model/defaults";
import { envNameProblem } from "../../model/formats";

const identityMethods = ["service", "ssh", "cloud-init"] as const;

/** How the agent in a guest is run. */
const agentRun = z.object({
  /** Run by a POSIX shell in /opt/hornet-agent. */
  command: z.string(),
  /** The guest's user that runs it. */
  user: z.string(),
  restart: z.enum(["always", "on-failure", "never"]),
});

/** A shell reads it as a name. */
const envName = z.string().superRefine((name, context) => {
  const problem = envNameProblem(name);
  if (problem !== undefined) context.addIssue({ code: "custom", message: problem });
});

const seconds = z.number().nonnegative().max(86_400);

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
  networkChangedAt: z.string().optional(),
  /** @default tap0 */
  tap: interfaceName.default("tap0"),
  /** @default 192.168.241.2 */
  guestAddress: ipv4.default(defaults.guestAddress),
  /** @default 192.168.241.1/29 */
  tapAddress: cidr.default(defaults.tapAddress),
  /**
   * The guest's login user.
   * @default root
   */
  user: z.string().default("root"),
  /** Public keys that may log in. */
  authorizedKeys: z.array(z.string()).default([]),
  /** The agent's environment. Kept as a secret. */
  env: keepingAllKeys(z.record(envName, z.string())).default({}),
  /**
   * How the guest receives its identity; auto: as the artifact allows.
   * @default auto
   */
  identity: z.enum(["auto", ...identityMethods]).default("auto"),
  /** The private key on the operator's machine that logs in to a guest without identity service. */
  loginKeyPath: z.string().optional(),
  /** How the agent in the guest is run; left out, as the guest's image says. */
  agent: agentRun.optional(),
  /** The guest's own service that is its agent, in a guest without identity service. */
  agentService: z.string().optional(),
  /** @default /usr/bin/firecracker */
  firecracker: programPaths.default(defaults.firecracker),
  /**
   * The kernel for a boot from the clone's own disk, where the artifact brings none.
   * @default /opt/swarm/images/vmlinux.bin
   */
  kernel: absolutePath.default(defaults.kernel),
  /**
   * Seconds until the clone must answer as itself; 0: Hornet does not wait.
   * @default 60
   */
  readyTimeout: seconds.default(60),
  /**
   * Seconds that the guest gets to shut down before its VMM is killed; 0: it is killed at once.
   * @default 0
   */
  shutdownTimeout: seconds.default(0),
  /**
   * Whether the VMM reports its counters to a MetricsCollector of the same stack. A change takes effect at the VMM's next
   * start: Firecracker takes this setting only before it runs its VM.
   */
  metrics: z.boolean().optional(),
  /** Commands that must succeed after every change of the clone, once it is ready. */
  smokeTests: z.array(smokeTest).default([]),
  /**
   * How many of the stack's clones may be down at once while they move to another snapshot.
   * @default 1
   */
  maxUnavailable: z.number().int().min(1).default(1),
  /** Another value than before gives the clone a new disk. */
  renewDisk: z.string().default(""),
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
