import { atLeast } from "../firecracker/requests";
import { versionsForFormat } from "../firecracker/versions";

/** What a droplet said of itself: the lines of the library's `preflight_facts`. */
export type DropletFacts = ReadonlyMap<string, string>;

/** What a fleet needs of its droplet. */
export interface Needs {
  readonly firecracker: string;
  readonly runtimeDir: string;
  readonly artifactsDir: string;
  /** Clones that are not there yet. */
  readonly newClones: number;
  /** All clones of the fleet. */
  readonly clones: number;
  /** A guest's memory in MiB; 0 where it is not known yet. */
  readonly memory: number;
  /** Files that must be there, with the key that names each. */
  readonly files: readonly { readonly path: string; readonly key: string }[];
  /** The file that every clone gets a copy of, of those in `files`; empty where it is not known. */
  readonly disk: string;
  /** What the snapshot was made with and on, where it is there already. */
  readonly snapshot?: { readonly format: string; readonly cpu: string } | undefined;
  /** The operator's clock, seconds since 1970. */
  readonly clock: number;
}

/** The outcome: faults stop everything, warnings are said. */
export interface Verdict {
  readonly faults: readonly string[];
  readonly warnings: readonly string[];
}

/** MiB that a VMM needs beside its guest's pages, and the least of these that a woken guest makes its own. */
const OVERHEAD_MIB = 8;
const TOUCHED_SHARE = 0.25;
/** A bridge has 1024 ports (BR_MAX_PORTS, net/bridge/br_private.h). */
const BRIDGE_PORTS = 1023;

/** Holds a droplet against what a fleet needs of it. What `up` can set itself (forwarding, the bridge) is no fault. */
export function judge(facts: DropletFacts, needs: Needs): Verdict {
  const faults: string[] = [];
  const warnings: string[] = [];
  const say: Say = {
    fault: (text) => void faults.push(text),
    warn: (text) => void warnings.push(text),
  };
  tools(facts, say);
  vmm(facts, needs, say);
  machine(facts, needs, say);
  room(facts, needs, say);
  return { faults, warnings };
}

interface Say {
  readonly fault: (text: string) => void;
  readonly warn: (text: string) => void;
}

const PACKAGE_OF: Readonly<Record<string, string>> = {
  ip: "iproute2",
  nft: "nftables",
  curl: "curl",
  nsenter: "util-linux",
  unshare: "util-linux",
  mount: "mount",
  setsid: "util-linux",
  flock: "util-linux",
  fallocate: "util-linux",
  "ssh-keyscan": "openssh-client",
  grep: "grep",
  sed: "sed",
};

/** The least versions: ip creates a veth's peer in its namespace, nft takes comments, curl tells an error's body. */
const LEAST: readonly (readonly [tool: string, version: string])[] = [
  ["ip", "4.20"],
  ["nft", "0.9.8"],
  ["curl", "7.76"],
  ["bash", "4.4"],
];

function tools(facts: DropletFacts, { fault }: Say): void {
  if (facts.get("uid") !== "0") fault("the login user is not root and has no passwordless sudo");
  const missing = [...facts].filter(([key, value]) => key.startsWith("tool.") && value === "");
  const packages = new Set(missing.map(([key]) => PACKAGE_OF[key.slice("tool.".length)] ?? "coreutils"));
  if (missing.length > 0) {
    const names = missing.map(([key]) => key.slice("tool.".length)).join(", ");
    fault(`missing on the droplet: ${names}; install with: apt-get install ${[...packages].join(" ")}`);
  }
  for (const [tool, least] of LEAST) {
    const found = versionIn(facts.get(`version.${tool}`) ?? "");
    if (found !== undefined && !atLeast(found, least)) fault(`${tool} is ${found}; Hornet needs ${least} or later`);
  }
}

/** The first thing that looks like a version; iproute2 before 5.9 counts by date (ss190107), which is none. */
function versionIn(text: string): string | undefined {
  return /\d+\.\d+(\.\d+)?/.exec(text)?.[0];
}

function vmm(facts: DropletFacts, needs: Needs, { fault, warn }: Say): void {
  const version = facts.get("firecracker");
  if (version === undefined || version === "") {
    fault(`there is no Firecracker at ${needs.firecracker} (hornet:vmm.firecracker)`);
    return;
  }
  if (!atLeast(version, "1.0")) fault(`Firecracker ${version} is too old; Hornet needs 1.0 or later`);
  const format = facts.get("format") ?? "";
  const made = needs.snapshot;
  if (made !== undefined && format !== "" && made.format.split(".")[0] !== format.split(".")[0]) {
    fault(
      `Firecracker ${version} reads snapshot format ${format}, but the snapshot has ${made.format}, which needs ` +
        `Firecracker ${versionsForFormat(Number(made.format.split(".")[0]))}`,
    );
  }
  const cpu = facts.get("cpu") ?? "";
  if (made !== undefined && made.cpu !== cpu) {
    warn(`the snapshot was made on "${made.cpu}", the droplet has "${cpu}": guests may crash on another CPU model`);
  }
  const kvm = facts.get("kvm");
  if (kvm !== "usable") warn(`/dev/kvm is ${kvm ?? "missing"}: Firecracker itself needs it`);
}

function machine(facts: DropletFacts, needs: Needs, { fault, warn }: Say): void {
  const system = facts.get("system") ?? "";
  if (!/debian|ubuntu/i.test(system))
    warn(`the droplet runs ${system || "an unknown system"}; Debian and Ubuntu are tried`);
  const offset = Math.abs(Number(facts.get("clock") ?? needs.clock) - needs.clock);
  if (offset > 5) warn(`the droplet's clock is ${offset.toFixed(0)} s off the operator's; guests get the droplet's`);
  if (facts.get("cgroup") !== "cgroup2fs") warn("no cgroup v2: restores are several times slower with cgroup v1");
  const dropper = facts.get("forward_drop") ?? "";
  if (dropper !== "") {
    warn(
      `the chain ${dropper} drops forwarded packets by policy, which no rule of Hornet's can override: clones will not ` +
        "reach the Internet until it accepts those of the bridge (Docker: iptables -I DOCKER-USER -i br0 -j ACCEPT)",
    );
  }
  if (needs.clones > BRIDGE_PORTS) fault(`a bridge has ${BRIDGE_PORTS} ports; the fleet has ${needs.clones} clones`);
  const pids = amount(facts, "pids");
  if (pids < needs.newClones * 8) fault(`only ${pids} process ids are left for ${needs.newClones} clones`);
  // Unreadable outside of the machine's first network namespace; then nothing is said of it.
  const arp = amount(facts, "arp");
  if (arp < needs.clones * 2) warn(`the ARP table holds ${arp} entries (net.ipv4.neigh.default.gc_thresh3)`);
}

function room(facts: DropletFacts, needs: Needs, { fault }: Say): void {
  for (const { path, key } of needs.files) {
    if ((facts.get(`file.${path}`) ?? "") === "") fault(`there is no ${path} on the droplet (${key})`);
  }
  const [size = 0, blocks = 0, unit = 0] = (facts.get(`file.${needs.disk}`) ?? "").split(" ").map(Number);
  const perClone = Math.min(size, blocks * unit) / 1024;
  for (const [name, folder] of [
    ["runtime", needs.runtimeDir],
    ["artifacts", needs.artifactsDir],
  ] as const) {
    const [free = "", inodes = "", writable = ""] = (facts.get(`room.${name}`) ?? "")
      .split(" ")
      .filter((word) => word !== "");
    if (writable === "read-only") fault(`${folder} is on a file system that is read-only`);
    if (inodes !== "" && inodes !== "-" && Number(inodes) < needs.newClones * 10)
      fault(`${folder}: no inodes are left`);
    const wanted = name === "runtime" ? needs.newClones * perClone : 0;
    if (free !== "" && Number(free) < wanted) {
      fault(`${folder} has ${mib(Number(free))} free; ${needs.newClones} disks may need ${mib(wanted)}`);
    }
  }
  const measured = Number(facts.get("clone_kib") ?? 0) / 1024;
  const each = measured > 0 ? measured : OVERHEAD_MIB + needs.memory * TOUCHED_SHARE;
  const available = amount(facts, "memory_kib") / 1024;
  if (needs.memory > 0 && available < each * needs.newClones) {
    fault(
      `${Math.floor(available)} MiB of memory are available; ${needs.newClones} clones need about ` +
        `${Math.ceil(each * needs.newClones)} MiB (${Math.ceil(each)} each)`,
    );
  }
}

/** A number that was read; what could not be read limits nothing. */
function amount(facts: DropletFacts, key: string): number {
  const text = facts.get(key) ?? "";
  return text === "" ? Infinity : Number(text);
}

function mib(kib: number): string {
  return `${Math.ceil(kib / 1024)} MiB`;
}

/** Parses the answer of `preflight_facts`. */
export function parseDropletFacts(text: string): DropletFacts {
  return new Map(
    text
      .split("\n")
      .filter((line) => line.includes("="))
      .map((line): [string, string] => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );
}
