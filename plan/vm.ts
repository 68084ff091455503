import { cidrOf, netmask } from "./addresses";
import type { Observed } from "./observed";

/** What a clone's VMM is to be. */
export interface VmSpec {
  readonly namespace: string;
  readonly tap: string;
  /** The digest of the artifact it runs. */
  readonly digest: string;
}

/** How far what was found is from what is declared, and the least that mends it. */
export interface VmPlan {
  readonly drift: readonly string[];
  readonly action: "none" | "resume" | "restart";
}

/** Compares a clone's VMM with what is declared. Whatever can be mended while the guest lives on is. */
export function planVm({ namespace, tap, digest }: VmSpec, observed: Observed): VmPlan {
  const vm = observed.vms[namespace];
  if (vm === undefined) return { drift: ["no VMM was started"], action: "restart" };
  const dead = observed.namespaces.includes(namespace)
    ? [`VMM of ${namespace} exited (pid ${vm.pid})`]
    : [`VMM of ${namespace} is gone with its namespace`];
  if (!vm.alive) return { drift: dead, action: "restart" };
  const fatal: string[] = [];
  if (!vm.inNamespace) fatal.push(`VMM runs outside of namespace ${namespace}`);
  if (vm.diskSize < 0) fatal.push("private disk missing");
  else if (!vm.diskMounted) fatal.push("the VMM's disk is not the private one");
  if (vm.state === "") fatal.push("VMM does not answer on its API socket");
  if (vm.state === "Not started") fatal.push("VMM runs no VM");
  const held = observed.inside[namespace]?.links.find(({ name }) => name === tap);
  if (held?.up === true && !held.carrier) fatal.push(`VMM does not hold ${tap}`);
  if (vm.record.digest !== digest) fatal.push("VMM runs another snapshot");
  if (fatal.length > 0) return { drift: fatal, action: "restart" };
  if (vm.state === "Paused") return { drift: ["VM paused"], action: "resume" };
  return { drift: [], action: "none" };
}

/**
 * The kernel's command line for a boot: the guest's address by the kernel's own `ip=` (Documentation/admin-guide/nfs),
 * `reboot=k` and `panic=1` so that a guest that reboots or panics ends its VMM, no PCI bus to probe.
 *
 * @param guest the guest's address
 * @param tap the tap's address with prefix; the guest's gateway
 */
export function defaultBootArgs(guest: string, tap: string): string {
  const [gateway = ""] = tap.split("/");
  const mask = netmask(cidrOf(tap).prefix);
  return `console=ttyS0 quiet loglevel=1 reboot=k panic=1 pci=off ip=${guest}::${gateway}:${mask}::eth0:off`;
}
