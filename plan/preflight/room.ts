import { jailerFor } from "../../firecracker/jailer";
import { newestOf } from "../../firecracker/programs";
import { amount, type DropletFacts, type Say } from "./facts";
import type { Needs } from "./needs";
import { programsOf } from "./versions";
import { OVERHEAD_MIB } from "./vmLimits";

/** The least share of its memory that a woken guest makes its own. */
const TOUCHED_SHARE = 0.25;
/** File systems on which a copy shares its blocks until it is written to, and KiB that such a copy takes at once. */
const REFLINKS: ReadonlySet<string> = new Set(["xfs", "btrfs", "bcachefs"]);
const REFLINK_KIB = 64;
/** Inodes of a clone: its folder and what is in it. */
const INODES = 10;
/** Inodes and KiB of a clone in /run: its namespace's mount point, a link for its uid, what iproute2 keeps. */
const IN_RUN = 4;
/** File systems without owners, modes and sockets. */
const PLAIN: ReadonlySet<string> = new Set(["msdos", "vfat", "exfat", "smb", "smb2", "cifs", "ntfs", "ntfs3"]);

interface Place {
  readonly folder: string;
  /** KiB and inodes; what could not be told limits nothing. */
  readonly free: number;
  readonly inodes: number;
  readonly readOnly: boolean;
  readonly device: string;
  readonly type: string;
  /** Of its mount: `noexec`, `nodev` … */
  readonly options: readonly string[];
}

/** Holds files, disk and memory of a droplet against a fleet. */
export function judgeRoom(facts: DropletFacts, needs: Needs, { fault }: Say): void {
  for (const { path, key } of needs.files) {
    if ((facts.get(`file.${path}`) ?? "") === "") fault(`there is no ${path} on the droplet (${key})`);
  }
  disk(facts, needs, fault);
  mounts(facts, needs, fault);
  memory(facts, needs, fault);
}

function disk(facts: DropletFacts, needs: Needs, fault: Say["fault"]): void {
  const { outlook } = needs;
  const copies = needs.newClones + needs.rolling;
  const runtime = placeOf(facts, "runtime", needs.runtimeDir);
  const artifacts = placeOf(facts, "artifacts", needs.artifactsDir);
  const shared = REFLINKS.has(runtime.type) && (outlook.device ?? artifacts.device) === runtime.device;
  const disks = copies * (shared ? Math.min(REFLINK_KIB, outlook.disk) : outlook.disk);
  for (const place of runtime.device === artifacts.device ? [runtime] : [runtime, artifacts]) {
    if (place.readOnly) fault(`${place.folder} is on a file system that is read-only`);
    if (place.inodes < copies * INODES) fault(`${place.folder}: no inodes are left`);
    const ofClones = place === runtime ? disks : 0;
    const ofSnapshot = place.device === artifacts.device ? outlook.arriving : 0;
    if (place.free < ofClones + ofSnapshot) {
      fault(
        `${place.folder} has ${mib(place.free)} free; ` +
          [
            ...(ofClones > 0 ? [`${copies} disks may need ${mib(ofClones)}`] : []),
            ...(ofSnapshot > 0 ? [`the snapshot may need ${mib(ofSnapshot)}`] : []),
          ].join(", "),
      );
    }
  }
}

/** Faults of mounts that a fleet cannot live on, however much room they have. */
function mounts(facts: DropletFacts, needs: Needs, fault: Say["fault"]): void {
  const runtime = placeOf(facts, "runtime", needs.runtimeDir);
  const artifacts = placeOf(facts, "artifacts", needs.artifactsDir);
  for (const { folder, type } of runtime.device === artifacts.device ? [runtime] : [runtime, artifacts]) {
    if (PLAIN.has(type))
      fault(`${folder} is on ${type}, which keeps no owners and no sockets; use a Linux file system`);
  }
  const barred = ["noexec", "nodev"].filter((option) => runtime.options.includes(option));
  if (barred.length > 0 && jails(facts, needs)) {
    fault(
      `${runtime.folder} is mounted ${barred.join(" and ")}: in the jails there Firecracker could not ` +
        `${barred.includes("noexec") ? "start" : "open /dev/kvm and /dev/net/tun"}; mount it without ` +
        `(mount -o remount,${barred.map((option) => option.slice(2)).join(",")} and fstab(5)), ` +
        "choose another hornet:vmm.runtimeDir, or hornet:vmm.jailer: off",
    );
  }
  const run = placeOf(facts, "run", "/run");
  if (run.readOnly) fault("/run is on a file system that is read-only");
  else if (Math.min(run.inodes, run.free) < needs.newClones * IN_RUN) {
    fault(`/run has no room for ${needs.newClones} clones: ${run.inodes} inodes and ${run.free} KiB are free there`);
  }
}

/** Whether VMMs will run in jails. */
function jails(facts: DropletFacts, { jailer = "off" }: Needs): boolean {
  const programs = programsOf(facts);
  const newest = newestOf(programs.found);
  return newest !== undefined && jailerFor(programs, newest, jailer) !== undefined;
}

/** The library's `room_at`: KiB and inodes that are free, whether it can be written to, device, file system, options. */
function placeOf(facts: DropletFacts, name: string, folder: string): Place {
  const words = (facts.get(`room.${name}`) ?? "").split(" ").filter((word) => word !== "");
  const [free = "", inodes = "", writable = "", device = name, type = "", options = ""] = words;
  const orAny = (text: string): number => (text === "" || text === "-" ? Infinity : Number(text));
  const [room, left] = [orAny(free), orAny(inodes)];
  return {
    folder,
    free: room,
    inodes: left,
    readOnly: writable === "read-only",
    device,
    type,
    options: options.split(","),
  };
}

function memory(facts: DropletFacts, { newClones, outlook }: Needs, fault: Say["fault"]): void {
  if (outlook.memory === 0) return;
  const measured = Number(facts.get("clone_kib") ?? 0) / 1024;
  const each = measured > 0 ? measured : OVERHEAD_MIB + outlook.memory * TOUCHED_SHARE;
  const available = amount(facts, "memory_kib") / 1024;
  if (available < each * newClones) {
    fault(
      `${Math.floor(available)} MiB of memory are available; ${newClones} clones need about ` +
        `${Math.ceil(each * newClones)} MiB (${Math.ceil(each)} each)`,
    );
  }
  // Every VMM maps the whole memory file for itself, and with 2 the kernel takes each at its word.
  const [strict = "", left = ""] = (facts.get("commit") ?? "").split(" ");
  const promised = newClones * (outlook.memory + OVERHEAD_MIB);
  if (strict === "2" && Number(left) / 1024 < promised) {
    fault(
      `vm.overcommit_memory is 2, and ${Math.floor(Number(left) / 1024)} MiB are left to be promised; ${newClones} clones ` +
        `map ${promised} MiB, most of which they share: sysctl -w vm.overcommit_memory=0`,
    );
  }
}

function mib(kib: number): string {
  return `${Math.ceil(kib / 1024)} MiB`;
}
