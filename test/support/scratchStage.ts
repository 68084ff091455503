import { copyFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ownerLabel } from "../../model/owner";
import { definition as bridgeDefinition } from "../../providers/network/bridge";
import { definition as consoleDefinition } from "../../providers/droplet/consoles";
import { definition as namespaceDefinition } from "../../providers/network/namespace";
import { definition as vmDefinition } from "../../providers/vm/definition";
import { definition as metricsDefinition } from "../../providers/droplet/metrics";
import { definition as recoveryDefinition } from "../../providers/droplet/recovery";
import { definition as namesDefinition } from "../../providers/network/names";
import { definition as natDefinition } from "../../providers/network/nat";
import { definition as artifactDefinition } from "../../providers/artifact/definition";
import type { Observation } from "../../sandbox/droplet";
import { dropletPaths } from "../../sandbox/droplet/paths";
import { changes, scratchDroplet, type ScratchDroplet } from "./scratchDroplet";
import { Driver, sessions } from "./scratchProvider";
import { scratchVmm } from "./scratchVmm";
import { settings, smallMemory } from "./settings";

/** A clone's three resources, seen as its VM. */
export type WholeClone = Pick<Driver, "inputs" | "outs" | "create" | "read" | "update" | "delete">;

/** Two stacks. */
export const owner = ownerLabel({ organization: "o", project: "p", stack: "one" });
export const other = ownerLabel({ organization: "o", project: "p", stack: "two" });

/** What a read says of a resource with which all is well. */
export const declared = { condition: "as declared" };

/** Folders of a stage's droplet: what lies ready to boot, and where artifacts go. */
export const images = "/opt/swarm/images";
export const snapshots = "/opt/swarm/snapshots";
/** Where what is brought arrives. */
export const arrivals = "/opt/swarm/prod";

const firecracker = "/usr/bin/firecracker";
const tap = { tapMac: "02:fc:00:00:00:01", tapAddress: "192.168.241.1/29" };

/** Takes everything away by force, so that one test that fails does not fail the next ones. */
const wipe = `pkill -9 -x 'stub|firecracker' || :; pkill -9 -f '[h]ornet-(consoles|metrics|names|recovery)' || :; sleep 0.2
  for one in $(ls /run/netns); do ip netns del $one; done
  for one in $(ls /sys/class/net); do [[ $one == lo || $one == eth0 ]] || ip link del $one 2>/dev/null || :; done
  nft flush ruleset; find /sys/fs/cgroup -depth -type d -path '*/hornet-*' -exec rmdir {} + || :; rm -rf /run/hornet-uids /opt/swarm/runtime /opt/swarm/deep /opt/swarm/bare /opt/swarm/prod ${snapshots}
  echo 0 >/proc/sys/net/ipv4/ip_forward`;

/**
 * The droplet of one test file, and the resources on it. Every test has to leave it as it was; one that does not fails,
 * and what it left is taken away.
 */
export class Stage {
  droplet!: ScratchDroplet;
  before!: Observation;
  private vmmFolder: string | undefined;

  /**
   * Starts it for the tests of the file that calls.
   *
   * @param withVmm whether it has a VMM, and a kernel and a disk for it
   * @param undo what every test of the file ends with, before what is left is looked at: Jest calls the hooks of a file
   *   in the order in which they stand
   */
  static use({ withVmm = false, undo = () => Promise.resolve() } = {}): Stage {
    const stage = new Stage();
    beforeAll(() => stage.begin(withVmm));
    afterAll(() => stage.end());
    afterEach(async () => {
      try {
        await undo();
      } finally {
        await stage.settle();
      }
    });
    return stage;
  }

  run(script: string): Promise<string> {
    return this.droplet.run(script);
  }

  observe(): Promise<Observation> {
    return this.droplet.observe();
  }

  async changesSince(then: Observation): Promise<string[]> {
    return changes(then, await this.droplet.observe());
  }

  bridge(props: object = {}, who = owner): Promise<Driver> {
    return Driver.of(bridgeDefinition, { ...this.common(who), ...props });
  }

  /** One that is brought from a folder of this droplet into another one: it stands for both ends. */
  brought(path: string, props: object = {}, who = owner): Promise<Driver> {
    const source = { from: { droplet: this.droplet.connection, path } };
    return this.artifact({ dir: arrivals, source, ...props }, who);
  }

  namespace(props: object = {}, who = owner): Promise<Driver> {
    return Driver.of(namespaceDefinition, {
      ...this.common(who),
      namespace: "vm7",
      bridge: "br0",
      hostVeth: "veth7h",
      address: "10.0.0.9/24",
      gateway: "10.0.0.1",
      ...tap,
      ...props,
    });
  }

  consoles(props: object = {}): Promise<Driver> {
    return Driver.of(consoleDefinition, { ...this.common(owner), ...props });
  }

  recovery(): Promise<Driver> {
    return Driver.of(recoveryDefinition, this.common(owner));
  }

  metrics(props: object): Promise<Driver> {
    return Driver.of(metricsDefinition, { ...this.common(owner), ...props });
  }

  nat(props: object = {}, who = owner): Promise<Driver> {
    return Driver.of(natDefinition, {
      ...this.common(who),
      namespace: "vm7",
      address: "10.0.0.9",
      guestAddress: "192.168.241.2",
      publish: [{ port: 80, guestPort: 8080 }],
      ...props,
    });
  }

  /** The guests' name server. */
  names(policies: readonly object[]): Promise<Driver> {
    return Driver.of(namesDefinition, { ...this.common(owner), bridge: "br0", address: "10.0.0.1", policies });
  }

  artifact(props: object = {}, who = owner): Promise<Driver> {
    return Driver.of(artifactDefinition, {
      ...this.common(who),
      dir: snapshots,
      source: { boot: { kernel: `${images}/kernel`, rootfs: `${images}/disk`, memory: smallMemory(), timeout: 20 } },
      firecracker,
      guestAddress: "192.168.241.2",
      ...tap,
      ...props,
    });
  }

  vm(artifact: unknown, props: object = {}): Promise<Driver> {
    return Driver.of(vmDefinition, {
      ...this.common(owner),
      name: "vm7",
      namespace: "vm7",
      address: "10.0.0.9",
      artifact,
      guestAddress: "192.168.241.2",
      tapAddress: tap.tapAddress,
      firecracker,
      kernel: `${images}/kernel`,
      readyTimeout: 0,
      authorizedKeys: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"],
      env: { API_KEY: "very'secret" },
      ...props,
    });
  }

  /** A whole clone: its VM's driver, which creates and deletes namespace and rules as well. */
  async clone(artifact: unknown, props: Record<string, unknown> = {}): Promise<WholeClone> {
    const { namespace = "vm7", hostVeth = "veth7h", address = "10.0.0.9/24", ...rest } = props;
    const bare = String(address).replace(/\/.*/, "");
    const network = await this.namespace({ namespace, hostVeth, address });
    const rules = await this.nat({ namespace, address: bare, publish: [] });
    const vm = await this.vm(artifact, { ...rest, namespace, address: bare });
    return {
      inputs: vm.inputs,
      get outs() {
        return vm.outs;
      },
      create: async () => {
        await network.create();
        await rules.create();
        return vm.create();
      },
      read: () => vm.read(),
      update: (changes) => vm.update(changes),
      delete: async (outputs) => {
        await vm.delete(outputs);
        await network.delete(outputs);
      },
    };
  }

  /** Lets a resource drift, reads the words, repairs it, and reads that it is as declared. */
  async repairs(driver: Driver, drift: string, words: string): Promise<void> {
    await this.run(drift);
    expect({ drift, ...(await driver.read()) }).toMatchObject({ drift, id: driver.id, condition: words });
    await driver.update();
    expect({ drift, ...(await driver.read()) }).toMatchObject({ drift, ...declared });
  }

  private common(who: string): object {
    return { droplet: this.droplet.connection, owner: who, runtimeDir: "/opt/swarm/runtime" };
  }

  private async begin(withVmm: boolean): Promise<void> {
    const vmm = withVmm ? scratchVmm() : undefined;
    this.vmmFolder = vmm?.folder;
    this.droplet = await scratchDroplet(vmm === undefined ? {} : { firecracker: vmm.path });
    if (vmm !== undefined) {
      copyFileSync(join(vmm.folder, "stub"), join(dropletPaths("scratch").opt, "stub"));
      const { kernel } = settings();
      if (kernel !== undefined) copyFileSync(kernel, join(dropletPaths("scratch").opt, "kernel"));
      // The stub reads no more of a kernel than its kind.
      await this.run(`if [[ -e /opt/kernel ]]; then mv /opt/kernel ${images}/
        else printf '\\177ELF\\2\\1\\1' >${images}/kernel; truncate -s 1M ${images}/kernel; fi
        truncate -s 8M ${images}/disk; printf first | dd of=${images}/disk conv=notrunc status=none`);
    }
    this.before = await this.observe();
  }

  private async settle(): Promise<void> {
    const left = await this.changesSince(this.before);
    if (left.length > 0) await this.run(wipe);
    expect(left.slice(0, 20)).toEqual([]);
  }

  private async end(): Promise<void> {
    await sessions.close();
    await this.droplet.end();
    if (this.vmmFolder !== undefined) rmSync(this.vmmFolder, { recursive: true, force: true });
  }
}
