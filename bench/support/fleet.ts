import type { dynamic } from "@pulumi/pulumi";
import { availableParallelism } from "node:os";
import type { DriveRequest } from "./driveTypes";
import type { Sessions } from "../../host/session/sessions";
import { providersOf } from "../../providers/kinds";
import { Limit } from "../../providers/operation/limit";
import { Operation } from "../../providers/operation/operation";

type Bag = Record<string, unknown>;
type Providers = ReturnType<typeof providersOf>;

/** The owner label of a drive's resources. */
export const OWNER = "hornet:bench/drive:be0c4be0c4be";
const KEEPER = "hornet:bench/keep:be0c4be0c4bf";
/** Every clone's tap. */
export const TAP = { tapMac: "02:fc:00:00:00:01", tapAddress: "192.168.241.1/29" };
/** Every guest's own address. */
export const GUEST = "192.168.241.2";

/** Creates resources with the engine's parallelism, and deletes them in the reverse order. */
export class Fleet {
  /** The engine's default: four steps at a time for every core (pulumi up --parallel). */
  private readonly steps = new Limit(4 * availableParallelism());
  private readonly undo: (() => Promise<void>)[][] = [];

  private readonly providers: Providers;
  /** Of another operation: one does not delete what it has created (a resource of another name has taken it over). */
  private readonly removers: Providers;

  constructor(
    private readonly request: DriveRequest,
    sessions: Sessions,
  ) {
    this.providers = providersOf(new Operation(sessions));
    this.removers = providersOf(new Operation(sessions));
  }

  private get common(): Bag {
    return { droplet: this.request.droplet, owner: OWNER, runtimeDir: "/opt/swarm/runtime" };
  }

  /** The snapshot. One of a boot belongs to another owner, so that it outlives this fleet. */
  async snapshot(): Promise<Bag> {
    const { source, firecracker } = this.request;
    const made = await this.providers.SnapshotArtifact.create({
      ...this.common,
      owner: "boot" in source ? KEEPER : OWNER,
      dir: "/opt/swarm/snapshots",
      source: "path" in source ? source : { boot: { ...images, ...source.boot } },
      firecracker,
      guestAddress: GUEST,
      ...TAP,
    });
    return made.outs as Bag;
  }

  /** The stack's claim: preflight, and the sweep of an earlier run's leftovers. */
  async claim(): Promise<void> {
    const namespaces = Array.from({ length: this.request.count }, (_, id) => `vm${id}`);
    await this.make(0, "DropletCheck", {
      ...this.common,
      namespaces,
      firecracker: this.request.firecracker,
    });
  }

  async bridge(): Promise<void> {
    await this.make(1, "Bridge", { ...this.common, name: "br0", address: "10.0.0.1/24" });
  }

  /** A clone's namespace and rules. */
  async network(id: number): Promise<void> {
    const names = { namespace: `vm${id}`, guestAddress: GUEST };
    await this.make(2, "CloneNamespace", {
      ...this.common,
      ...names,
      ...TAP,
      bridge: "br0",
      hostVeth: `veth${id}h`,
      address: `${addressOf(id)}/24`,
      gateway: "10.0.0.1",
    });
    await this.make(3, "NatRuleSet", { ...this.common, ...names, address: addressOf(id) }, false);
  }

  /**
   * Creates a clone's VM and returns its outputs.
   *
   * @param more inputs that differ from the request's
   */
  async vm(id: number, artifact: unknown, more: Bag = {}): Promise<Bag> {
    const { firecracker, readyTimeout, source, untold } = this.request;
    return this.make(3, "FirecrackerVM", {
      ...this.common,
      name: `vm${id}`,
      namespace: `vm${id}`,
      address: addressOf(id),
      artifact,
      guestAddress: GUEST,
      tapAddress: TAP.tapAddress,
      firecracker,
      kernel: images.kernel,
      readyTimeout,
      // The stub, which a folder uses, runs no guest that could get an identity over ssh; the method
      // service does not reach a guest that does not ask.
      ...("path" in source || untold !== undefined ? { identity: "service" } : {}),
      ...more,
    });
  }

  /** Deletes everything level by level like the engine; rules go with their namespace (deletedWith). */
  async destroy(): Promise<void> {
    for (const level of this.undo.splice(0).reverse()) {
      await Promise.all(level.map((one) => this.steps.run(one)));
    }
  }

  private async make(level: number, kind: keyof Providers, inputs: Bag, own = true): Promise<Bag> {
    const made = await this.steps.run(() => this.providers[kind].create(inputs));
    const props = made.outs as Bag;
    const remover: dynamic.ResourceProvider = this.removers[kind];
    if (own) (this.undo[level] ??= []).push(async () => remover.delete?.(made.id, props));
    return props;
  }
}

const images = { kernel: "/opt/swarm/images/vmlinux.bin", rootfs: "/opt/swarm/images/rootfs.ext4" };

/** A clone's address on the default network. */
export function addressOf(id: number): string {
  return `10.0.0.${id + 2}`;
}
