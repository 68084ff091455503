import { cidrOf, netmask } from "../../model/addresses";
import type { Observed, ObservedNamespace, ObservedVm } from "../../model/observed";

/** What a clone's VMM is to be. */
export interface VmSpec {
  readonly namespace: string;
  readonly tap: string;
  /** The taps of interfaces beside the clone's own. */
  readonly furtherTaps?: readonly string[];
  /** The digest of the artifact it runs. */
  readonly digest: string;
  /** What that artifact was made from; empty where only the digest tells. */
  readonly key: string;
  /** The mark of what its guest is to have been told; left out where that is not known. */
  readonly told?: string;
}

/** How far what was found is from what is declared, and the least that mends it. */
export interface VmPlan {
  readonly drift: readonly string[];
  readonly action: "none" | "resume" | "settle" | "tell" | "identify" | "restart";
  /** Files and mounts around a VM that lives on are to be put right first. */
  readonly mend: boolean;
}

/** Compares a clone's VMM with what is declared. Whatever can be mended while the guest lives on is. */
export function planVm(spec: VmSpec, observed: Observed): VmPlan {
  const vm = observed.vms[spec.namespace];
  if (vm === undefined) return { drift: ["no VMM was started"], action: "restart", mend: false };
  const fatal = vm.alive ? beyondMending(spec, vm, observed) : [wordsOfEnd(spec.namespace, vm, observed)];
  const around = vm.alive ? aroundIt(spec.namespace, vm) : [];
  if (fatal.length > 0) return { drift: [...fatal, ...around], action: "restart", mend: false };
  const mend = around.length > 0;
  const paused = vm.state === "Paused" ? ["VM paused"] : [];
  if (vm.held) return { drift: [...paused, "guest was not told who it is", ...around], action: "identify", mend };
  const unsettled = vm.unsettled ? ["the clone was changed, and was not seen to be ready since"] : [];
  const otherwise = isToldOtherwise(spec, vm) ? ["guest was told something else than what is declared"] : [];
  const uncleared = vm.uncleared === true ? [`the metadata of ${spec.namespace} was not cleared`] : [];
  const drift = [...paused, ...otherwise, ...uncleared, ...unsettled, ...around];
  if (otherwise.length > 0 || vm.uncleared === true) return { drift, action: "tell", mend };
  if (vm.unsettled) return { drift, action: "settle", mend };
  return { drift, action: paused.length > 0 ? "resume" : "none", mend };
}

/** A change that failed, or was cut off, and then was taken back in the config: its state is as if it had never been. */
function isToldOtherwise({ told }: VmSpec, vm: ObservedVm): boolean {
  return told !== undefined && vm.told !== undefined && vm.told !== told;
}

/** What only a VMM that is started anew puts right. */
function beyondMending(spec: VmSpec, vm: ObservedVm, observed: Observed): string[] {
  const { namespace, tap, furtherTaps = [], digest, key } = spec;
  const wrong: string[] = [];
  if (!vm.inNamespace) wrong.push(`VMM runs outside of namespace ${namespace}`);
  const { record } = vm;
  const noted = Object.keys(record).length > 0;
  if (!noted) wrong.push(`the launch record of ${namespace} is missing`);
  if (!vm.ownProgram) wrong.push("VMM runs another program than it was started from");
  if (!hasNoDisk(vm)) wrong.push(...wrongWithDisk(vm, noted));
  if (vm.state === "") wrong.push("VMM does not answer on its API socket");
  if (vm.state === "Not started") wrong.push("VMM runs no VM");
  const missing = [tap, ...furtherTaps].filter((one) => !holdsTap(observed.inside[namespace], one));
  if (vm.inNamespace) wrong.push(...missing.map((one) => `VMM does not hold ${one}`));
  const asGood = key !== "" && record.key?.startsWith(key) === true;
  if (noted && record.digest !== digest && !asGood) wrong.push("VMM runs another snapshot");
  return wrong;
}

function wrongWithDisk(vm: ObservedVm, noted: boolean): string[] {
  if (vm.diskSize < 0) return ["private disk missing"];
  if (wasCut(vm)) return [`private disk was cut from ${vm.diskWas} to ${vm.diskSize} bytes`];
  return noted && !vm.ownDisk ? ["the VMM's disk is not the private one"] : [];
}

/** Its snapshot has no drive: all that the guest has is in its memory. */
export function hasNoDisk({ record }: ObservedVm): boolean {
  return record.disk_path === "";
}

/** A disk that lost its end is as good as none; one that grew is not. */
function wasCut({ diskSize, diskWas }: ObservedVm): boolean {
  return diskSize >= 0 && diskSize < diskWas;
}

/** The clone's disk has lived and can go on living: what starts the VM must not make it anew. */
export function livesOnDisk(vm: ObservedVm | undefined): boolean {
  return vm !== undefined && vm.diskSize >= 0 && vm.diskUsed && !wasCut(vm);
}

/** A tap that is not there is held by nobody; one that is down has no carrier either way. */
function holdsTap(inside: ObservedNamespace | undefined, tap: string): boolean {
  if (inside === undefined) return true;
  const seen = inside.links.find(({ name }) => name === tap);
  return seen !== undefined && (!seen.up || seen.carrier);
}

/** What is wrong around a VM that lives on. */
function aroundIt(namespace: string, vm: ObservedVm): string[] {
  const wrong: string[] = [];
  if (!vm.recorded) wrong.push(`the pid file of ${namespace} does not name its VMM`);
  if (vm.folderMode !== "700") wrong.push(`the folder of ${namespace} has the mode ${vm.folderMode}, not 700`);
  if (vm.diskSize >= 0 && !vm.diskUsed) wrong.push(`the mark on the disk of ${namespace} is missing`);
  const noted = Object.keys(vm.record).length > 0;
  if (noted && vm.diskSize >= 0 && vm.ownDisk && !vm.diskMounted)
    wrong.push("the private disk is not mounted at its path");
  return wrong;
}

function wordsOfEnd(namespace: string, { pid, exit, rebooted }: ObservedVm, observed: Observed): string {
  if (rebooted) return `VMM of ${namespace} ended with the droplet, which was booted anew`;
  if (!observed.namespaces.includes(namespace)) return `VMM of ${namespace} is gone with its namespace`;
  const [code = "", at = ""] = exit.split(" ");
  return exit === "" ? `VMM exited (pid ${pid}; nobody saw how)` : `VMM exited with ${code} at ${at} (pid ${pid})`;
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
