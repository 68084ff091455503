import * as pulumi from "@pulumi/pulumi";
import type { LeanArtifact } from "../firecracker/manifest";
import { HornetResource, type CommonArgs } from "./resource";

/** A command that must succeed after every change of a clone. */
export interface SmokeTestArgs {
  /**
   * In the clone, by ssh as a person would, or on the droplet, with CLONE, ADDRESS and NAMESPACE in its environment.
   * @default clone
   */
  on?: pulumi.Input<"clone" | "droplet">;
  command: pulumi.Input<string>;
  /** All that it must say, white space at its ends aside. */
  expect?: pulumi.Input<string>;
  /**
   * Seconds that it may take.
   * @default 60
   */
  timeout?: pulumi.Input<number>;
}

/** How the agent in a guest is run. */
export interface AgentArgs {
  /** Run by a POSIX shell in /opt/hornet-agent. */
  command: pulumi.Input<string>;
  /** Whose process it is. */
  user: pulumi.Input<string>;
  restart: pulumi.Input<"always" | "on-failure" | "never">;
}

/** What a guest is told of itself, and how. A change of it needs no other VM: the agent alone starts again. */
export interface IdentityArgs {
  /**
   * The guest's login user.
   * @default root
   */
  user?: pulumi.Input<string>;
  /** Public keys that may log in. */
  authorizedKeys?: pulumi.Input<pulumi.Input<string>[]>;
  /** The agent's environment. Kept as a secret. */
  env?: pulumi.Input<Record<string, pulumi.Input<string>>>;
  /**
   * How it is told; auto: as the artifact says.
   * @default auto
   */
  identity?: pulumi.Input<"auto" | "service" | "ssh" | "cloud-init">;
  /** The private key on the operator's machine that logs in to a guest without identity service. */
  loginKeyPath?: pulumi.Input<string>;
  /** Left out, it is as the guest's image says. */
  agent?: pulumi.Input<AgentArgs>;
  /** The guest's own service that is its agent, in a guest without identity service. */
  agentService?: pulumi.Input<string>;
}

/** What a {@link FirecrackerVM} takes. */
export interface FirecrackerVMArgs extends CommonArgs, IdentityArgs {
  /** The clone's name: its hostname and its agent's id. */
  name: pulumi.Input<string>;
  /** The namespace it runs in; a {@link CloneNamespace} of the same stack. */
  namespace: pulumi.Input<string>;
  /** The clone's own address, without prefix. */
  address: pulumi.Input<string>;
  /** The snapshot: {@link SnapshotArtifact.artifact}. */
  artifact: pulumi.Input<LeanArtifact>;
  /** @default 192.168.241.2 */
  guestAddress?: pulumi.Input<string>;
  /** @default tap0 */
  tap?: pulumi.Input<string>;
  /** @default 192.168.241.1/29 */
  tapAddress?: pulumi.Input<string>;
  /** @default /usr/bin/firecracker */
  firecracker?: pulumi.Input<string | readonly string[]>;
  /**
   * The kernel for a boot from the clone's own disk, where the artifact brings none.
   * @default /opt/swarm/images/vmlinux.bin
   */
  kernel?: pulumi.Input<string>;
  /**
   * Seconds until the clone must answer as itself; 0: nobody waits.
   * @default 60
   */
  readyTimeout?: pulumi.Input<number>;
  /**
   * Seconds that the guest gets to shut down before its VMM is killed; 0: it is not asked.
   * @default 0
   */
  shutdownTimeout?: pulumi.Input<number>;
  /**
   * Whether the VMM tells what it counts, to a {@link MetricsCollector} of the same stack. A change of it waits for the
   * VMM's next start.
   * @default false
   */
  metrics?: pulumi.Input<boolean>;
  /** What must succeed after every change of the clone, once it is ready. */
  smokeTests?: pulumi.Input<pulumi.Input<SmokeTestArgs>[]>;
  /**
   * How many of the stack's clones may be down at once while they move to another snapshot.
   * @default 1
   */
  maxUnavailable?: pulumi.Input<number>;
  /** Another value than before gives the clone a new disk. */
  renewDisk?: pulumi.Input<string>;
}

/** One clone's VMM process: restored from the snapshot, on a disk of its own, told who it is before it runs. */
export class FirecrackerVM extends HornetResource {
  declare readonly name: pulumi.Output<string>;
  declare readonly namespace: pulumi.Output<string>;
  declare readonly address: pulumi.Output<string>;
  /** The host key that the clone answers ssh with. */
  declare readonly sshHostKey: pulumi.Output<string>;
  /** Another one each time that it was told who it is: what follows a clone's changes is triggered by it. */
  declare readonly generation: pulumi.Output<string>;
  declare readonly pid: pulumi.Output<number>;
  /** How its disk was copied: `reflink` or `sparse`. */
  declare readonly disk: pulumi.Output<string>;
  /** The Firecracker that runs it, in words. */
  declare readonly vmm: pulumi.Output<string>;
  /** How it was told who it is: `service`, `ssh` or `cloud-init`. */
  declare readonly identityWay: pulumi.Output<string>;
  /** It answered as itself. */
  declare readonly ready: pulumi.Output<boolean>;
  /** ms spent on network, disk, launch, load, identity, resume, ready. */
  declare readonly timings: pulumi.Output<Record<string, number>>;

  constructor(name: string, args: FirecrackerVMArgs, opts?: pulumi.CustomResourceOptions) {
    super("FirecrackerVM", name, withSecretEnv(args), vmOutputNames, withSecrets(opts));
  }
}

/** What a VM's provider adds to the inputs. */
export const vmOutputNames = [
  "sshHostKey",
  "hostKeySeed",
  "generation",
  "pid",
  "disk",
  "vmm",
  "identityWay",
  "ready",
  "timings",
] as const;

/** A VM's arguments with its agent's environment as a secret. */
export function withSecretEnv<T extends IdentityArgs>({ env, ...rest }: T): Omit<T, "env"> & Pick<IdentityArgs, "env"> {
  return { ...rest, ...(env !== undefined && { env: pulumi.secret(env) }) };
}

/** A VM's options: what of its outputs is secret. */
export function withSecrets(opts: pulumi.CustomResourceOptions | undefined): pulumi.CustomResourceOptions {
  return { ...opts, additionalSecretOutputs: ["hostKeySeed", "env"] };
}
