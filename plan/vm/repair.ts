/**
 * The state machine of a clone's VM. planRepair() decides on one repair from the declaration, the recorded state and the
 * observed droplet.
 *
 *     absent ─── create ───▶ unverified ◀──────────── start ────────────┐
 *                             │      ▲                                   │
 *           ready, and smoke  │      │ identify                          │
 *           tests passed      ▼      │                                   │
 *     paused ◀── pause ──── running  └── quarantined, misidentified      │
 *        │                   ▲ │ │              ▲                        │
 *        └───── resume ──────┘ │ └──────────────┘                  ended, broken
 *                              │  the config changes,                    ▲
 *                              │  or an `up` is cut off                  │
 *                              └─────────────────────────────────────────┘
 *                                 the VMM dies, hangs, loses its disk, tap or record, or runs another program
 *     any state ─── move ───▶ unverified, on another snapshot or disk, in or out of a jail, or restarted
 *
 * - absent: no VMM was started in the clone's namespace.
 * - ended, broken: only another start repairs it; see beyondRepair().
 * - quarantined: it runs, may open no connection, and has no identity yet (over ssh; droplet/guest/guest.sh).
 * - misidentified: its identity differs from the declared one, or its metadata still holds the identity.
 * - unverified: it has not been ready since its last change.
 *
 * Any of these repairs may also tidy files and mounts around a VM that keeps running. The cheapest repair wins: the guest
 * keeps running where it can, and keeps its disk where it can.
 */
import { cidrOf, netmask } from "../../model/addresses";
import type { Limits, Rates } from "../../model/arguments/limits";
import type { RatedDevices } from "../../firecracker/devices";
import { rateDrift } from "../../firecracker/rates";
import { endMessage } from "./ended";
import { jailDrift } from "./jailDrift";
import { limitDrift } from "./limits";
import { isEquivalent } from "../../firecracker/manifest";
import type { IdentityMethod } from "../../firecracker/identity";
import type { Observed, ObservedNamespace, ObservedVm } from "../../model/observed";

/** The declared VMM of a clone. */
export interface VmSpec {
  readonly namespace: string;
  readonly tap: string;
  /** The taps of interfaces beside the clone's own. */
  readonly furtherTaps?: readonly string[];
  /** The digest of the artifact that it runs. */
  readonly digest: string;
  /** Identifies the sources of that artifact; empty where only the digest is known. */
  readonly key: string;
  /** Whether it runs in a jail; undefined where that is unknown. */
  readonly jail?: boolean | undefined;
  /** What limits it, and its guest's memory in MiB if that is known; left out where nobody can say. */
  readonly limits?: { readonly declared: Limits; readonly memory?: number | undefined };
  /** The rates of its devices. */
  readonly rates?: { readonly declared: Rates; readonly devices: RatedDevices };
  /** Identifies the call by which the recovery keeper is to restart it; empty: it is not to; left out: unknown. */
  readonly recovery?: string;
  /** The digest of the identity that its guest is to have; left out where that is not known. */
  readonly identityDigest?: string;
}

/** The declared clone. */
export interface Desired extends VmSpec {
  /** How the guest receives its identity. */
  readonly method: IdentityMethod;
  /** A change of this value gives the clone a new disk. */
  readonly renewDisk: string;
  /** Another value than the recorded one restarts the clone on the disk that it has. */
  readonly restart: string;
}

/** What the state holds of a clone from its last create or update. */
export interface Recorded extends Pick<Desired, "digest" | "key" | "renewDisk" | "restart"> {
  readonly identityDigest: string;
}

/** How a VM starts: restored from the snapshot with a fresh disk, or booted from the disk that it has. */
export type StartFrom = "snapshot" | "disk";

/** The repair that makes a clone's VM as declared. */
export type Repair = {
  /** First find the VMM again: its pid file does not name it. */
  readonly recoverPid: boolean;
  /** Then repair the files and mounts around a VM that keeps running. */
  readonly tidy: boolean;
  /** Then set the rates of a VM that keeps running. */
  readonly setRates: boolean;
} & (
  | { readonly kind: "none" }
  /** Nothing exists: start it from the snapshot, and remove everything if that fails. */
  | { readonly kind: "create" }
  /** It runs, but no state has it, because an earlier run was cut off: give the running guest a new identity. */
  | { readonly kind: "adopt" }
  /** Start another VMM. `putBack`: first restore the clone's disk if a move that was cut off has set it aside. */
  | { readonly kind: "start"; readonly from: StartFrom; readonly putBack: boolean }
  /** Take its turn in a roll to another snapshot or disk. `sameDisk`: the clone may keep its disk. */
  | { readonly kind: "move"; readonly sameDisk: boolean }
  /** Give the running guest its identity. `first`: it has none yet, and its host key is still the template's. */
  | { readonly kind: "identify"; readonly first: boolean; readonly resume: boolean }
  /** Resume it if it is paused, and wait until it is ready. */
  | { readonly kind: "verify"; readonly resume: boolean }
  | { readonly kind: "resume" }
);

/**
 * Decides on the repair of a clone's VM.
 *
 * @param recorded undefined where no state has the clone
 */
export function planRepair(desired: Desired, recorded: Recorded | undefined, observed: Observed): Repair {
  const vm = observed.vms[desired.namespace];
  const found = diagnose(desired, observed);
  const recoverPid = vm?.alive === true && !vm.recorded;
  const from = livesOnDisk(vm) ? "disk" : "snapshot";
  const untidied = { recoverPid, tidy: false, setRates: false };
  const start = (tidy: boolean, putBack: boolean): Repair => ({ ...untidied, tidy, kind: "start", from, putBack });
  const setRates = found.rates.length > 0;
  const tidy = found.around.length > 0 || (recorded !== undefined && recorded.digest !== desired.digest);
  const byCloudInit = desired.method === "cloud-init";
  if (recorded === undefined) {
    // A guest without a disk has its data in the memory of its VMM.
    const hasData = from === "disk" || (vm?.alive === true && hasNoDisk(vm));
    if (!hasData) return { ...untidied, kind: "create" };
    // cloud-init reads the identity only when the guest boots.
    if (found.broken.length > 0 || byCloudInit) return start(false, false);
    return { recoverPid, tidy, setRates, kind: "adopt" };
  }
  const sameDisk = recorded.renewDisk === desired.renewDisk;
  if (!sameDisk || !isEquivalent(recorded, desired)) {
    return { ...untidied, kind: "move", sameDisk: sameDisk && from === "disk" };
  }
  if (found.broken.length > 0) return start(false, true);
  // Only another start puts a VMM into a jail: clone by clone, on the disks that they have.
  if (found.jailing.length > 0 || recorded.restart !== desired.restart)
    return { ...untidied, kind: "move", sameDisk: from === "disk" };
  if (found.quarantined && desired.method !== "ssh") return start(false, false);
  const misidentified = found.misidentified.length > 0 || recorded.identityDigest !== desired.identityDigest;
  if (misidentified && byCloudInit) return start(tidy, false);
  if (misidentified || found.quarantined) {
    const resume = found.quarantined || found.paused;
    return { recoverPid, tidy, setRates, kind: "identify", first: found.quarantined, resume };
  }
  if (found.unverified) return { recoverPid, tidy, setRates, kind: "verify", resume: found.paused };
  return { recoverPid, tidy, setRates, kind: found.paused ? "resume" : "none" };
}

/** How a clone's VMM differs from what is declared, as messages for the user. */
export function vmDrift(spec: VmSpec, observed: Observed): string[] {
  const { broken, around, rates, jailing, paused, quarantined, misidentified, unverified, unrecovered } = diagnose(
    spec,
    observed,
  );
  if (broken.length > 0) return [...broken, ...jailing, ...around];
  const state = [...jailing, ...rates, ...(paused ? ["VM paused"] : [])];
  if (quarantined) return [...state, "guest has no identity yet", ...around];
  const changed = unverified ? ["the clone was not verified since its last change"] : [];
  return [...state, ...misidentified, ...changed, ...around, ...unrecovered];
}

interface Diagnosis {
  /** Faults that only another start repairs. */
  readonly broken: readonly string[];
  /** Faults of files and mounts around a VM that keeps running. */
  readonly around: readonly string[];
  /** How the rates of its devices differ. */
  readonly rates: readonly string[];
  /** It runs in a jail, but is declared without one, or the other way round. */
  readonly jailing: readonly string[];
  readonly paused: boolean;
  readonly quarantined: boolean;
  readonly misidentified: readonly string[];
  readonly unverified: boolean;
  /** The recovery keeper would not restart it as declared. */
  readonly unrecovered: readonly string[];
}

function diagnose(spec: VmSpec, observed: Observed): Diagnosis {
  const { namespace, identityDigest, limits, rates } = spec;
  const vm = observed.vms[namespace];
  const nothing = {
    around: [],
    rates: [],
    jailing: [],
    paused: false,
    quarantined: false,
    misidentified: [],
    unverified: false,
    unrecovered: [],
  };
  if (vm === undefined) return { ...nothing, broken: ["no VMM was started"] };
  if (!vm.alive) return { ...nothing, broken: [endMessage(namespace, vm, observed)] };
  // A changed identity that failed or was cut off, and was then reverted in the config: the state looks unchanged, so only
  // the droplet shows the difference.
  const differs =
    identityDigest !== undefined && vm.appliedIdentity !== undefined && vm.appliedIdentity !== identityDigest;
  const jail = jailDrift(namespace, vm);
  return {
    broken: [...beyondRepair(spec, vm, observed, jail.silent), ...jail.broken],
    around: [
      ...aroundIt(namespace, vm),
      ...jail.around,
      ...(limits === undefined ? [] : limitDrift(limits.declared, vm, limits.memory)),
    ],
    rates: rates === undefined || jail.silent ? [] : rateDrift(rates.declared, rates.devices, vm.limiters),
    jailing: wrongJail(spec, vm),
    paused: vm.state === "Paused",
    quarantined: vm.quarantined,
    misidentified: [
      ...(differs ? ["guest identity differs from the declared one"] : []),
      ...(vm.uncleared === true ? [`the metadata of ${namespace} was not cleared`] : []),
    ],
    unverified: vm.unverified,
    unrecovered: recoveryDrift(spec, vm),
  };
}

function recoveryDrift({ namespace, recovery }: VmSpec, vm: ObservedVm): string[] {
  if (recovery === undefined || (vm.recovery ?? "") === recovery) return [];
  return [
    recovery === ""
      ? `the recovery keeper restarts ${namespace}, which is not declared`
      : `the recovery keeper cannot restart ${namespace} as declared`,
  ];
}

function wrongJail({ jail }: VmSpec, { jailed = false }: ObservedVm): string[] {
  if (jail === undefined || jail === jailed) return [];
  return [jailed ? "VMM runs in a jail, which hornet:vmm.jailer rules out" : "VMM runs without a jail"];
}

/**
 * Faults that only another start of the VMM repairs.
 *
 * @param silent see JailDrift
 */
function beyondRepair(spec: VmSpec, vm: ObservedVm, observed: Observed, silent: boolean): string[] {
  const { namespace, tap, furtherTaps = [], digest, key } = spec;
  const wrong: string[] = [];
  if (!vm.inNamespace) wrong.push(`VMM runs outside of namespace ${namespace}`);
  const { record } = vm;
  const noted = Object.keys(record).length > 0;
  if (!noted) wrong.push(`the launch record of ${namespace} is missing`);
  if (!vm.ownProgram) wrong.push("VMM runs another program than it was started from");
  if (!hasNoDisk(vm)) wrong.push(...wrongWithDisk(vm, noted));
  // Whether it would answer shows once its socket is there again.
  if (vm.state === "" && !silent) wrong.push("VMM does not answer on its API socket");
  if (vm.state === "Not started") wrong.push("VMM runs no VM");
  const missing = [tap, ...furtherTaps].filter((one) => !holdsTap(observed.inside[namespace], one));
  if (vm.inNamespace) wrong.push(...missing.map((one) => `VMM does not hold ${one}`));
  const equivalent = key !== "" && record.key?.startsWith(key) === true;
  if (noted && record.digest !== digest && !equivalent) wrong.push("VMM runs another snapshot");
  return wrong;
}

function wrongWithDisk(vm: ObservedVm, noted: boolean): string[] {
  if (vm.diskSize < 0) return ["private disk missing"];
  if (wasCut(vm)) return [`private disk was cut from ${vm.diskWas} to ${vm.diskSize} bytes`];
  return noted && !vm.ownDisk ? ["the VMM's disk is not the private one"] : [];
}

/** Whether the VM's snapshot has no drive: all data of the guest is in its memory. */
function hasNoDisk({ record }: ObservedVm): boolean {
  return record.disk_path === "";
}

/** Whether the disk lost its end, which makes it useless; a disk that grew is fine. */
function wasCut({ diskSize, diskWas }: ObservedVm): boolean {
  return diskSize >= 0 && diskSize < diskWas;
}

/**
 * Whether the guest has used the clone's disk and the disk is intact. A start must not replace such a disk, and the clone
 * boots from it: the snapshot's memory fits only the snapshot's disk and would corrupt a disk that changed since.
 */
function livesOnDisk(vm: ObservedVm | undefined): boolean {
  return vm !== undefined && vm.diskSize >= 0 && vm.diskUsed && !wasCut(vm);
}

/** Whether the VMM is attached to a tap, which then has a carrier. A tap that is down has none in either case. */
function holdsTap(inside: ObservedNamespace | undefined, tap: string): boolean {
  if (inside === undefined) return true;
  const seen = inside.links.find(({ name }) => name === tap);
  return seen !== undefined && (!seen.up || seen.carrier);
}

/** Faults of files and mounts around a VM that keeps running. */
function aroundIt(namespace: string, vm: ObservedVm): string[] {
  const wrong: string[] = [];
  if (!vm.recorded) wrong.push(`the pid file of ${namespace} does not name its VMM`);
  if (vm.folderMode !== "700") wrong.push(`the folder of ${namespace} has the mode ${vm.folderMode}, not 700`);
  if (vm.dumpsMemory === true) wrong.push("a core dump of the VMM would hold its guest's memory");
  if (vm.diskSize >= 0 && !vm.diskUsed) wrong.push(`the used-disk marker of ${namespace} is missing`);
  const noted = Object.keys(vm.record).length > 0;
  if (noted && vm.diskSize >= 0 && vm.ownDisk && !vm.diskMounted)
    wrong.push("the private disk is not mounted at its path");
  return wrong;
}

/**
 * The kernel's command line for a boot. `ip=` sets the guest's address (Documentation/admin-guide/nfs); `reboot=k` and
 * `panic=1` end the VMM when the guest reboots or panics; `pci=off`, because there is no PCI bus to probe.
 *
 * @param guest the guest's address
 * @param tap the tap's address with prefix; the guest's gateway
 */
export function defaultBootArgs(guest: string, tap: string): string {
  const [gateway = ""] = tap.split("/");
  const mask = netmask(cidrOf(tap).prefix);
  return `console=ttyS0 quiet loglevel=1 reboot=k panic=1 pci=off ip=${guest}::${gateway}:${mask}::eth0:off`;
}
