import { atLeast, newestOf, pathsOf, programFor, unreadable } from "../../firecracker/programs";
import { judgeJail } from "./jail";
import { judgeCpu } from "./cpu";
import { amount, type DropletFacts, type Say } from "./facts";
import { judgeLimits, TASKS } from "./limits";
import type { Needs } from "./needs";
import { judgeNetwork } from "./networks";
import { judgeRoom } from "./room";
import { programsOf } from "./versions";
import { judgeVmLimits } from "./vmLimits";

/** The outcome: faults stop everything, warnings are said. */
export interface Verdict {
  readonly faults: readonly string[];
  readonly warnings: readonly string[];
  /** Those of the warnings that say who cannot reach what. */
  readonly lost: readonly string[];
}

/** A bridge has 1024 ports (BR_MAX_PORTS, net/bridge/br_private.h), and they count from 1. */
const BRIDGE_PORTS = 1023;
/** Files that one process of Hornet's may have to open there: a connection to each of 300 VMMs that are asked at once. */
const OPEN_FILES = 512;
/** Sessions beside the lanes: the lock, and a stream of bytes or a helper. */
const FURTHER_SESSIONS = 2;

/** What is to be done where a droplet forwards no connections. */
export const FORWARDING =
  "they cannot be reached from here, by smoke tests neither; allow it (AllowTcpForwarding local, DisableForwarding no), or " +
  "let hornet:fleet.smokeTests run on the droplet";

/** Holds a droplet against what a fleet needs of it. What `up` can set itself (forwarding, the bridge) is no fault. */
export function judge(facts: DropletFacts, needs: Needs): Verdict {
  const faults: string[] = [];
  const warnings: string[] = [];
  const lost: string[] = [];
  const say: Say = {
    fault: (text) => void faults.push(text),
    warn: (text) => void warnings.push(text),
  };
  tools(facts, say);
  vmm(facts, needs, say);
  machine(facts, needs, say);
  sessions(facts, needs, say);
  judgeRoom(facts, needs, say);
  if (needs.limits !== undefined) judgeVmLimits(facts, needs.limits, needs.outlook.memory, say);
  // What can be raised is no fault; providers/droplet/limits.ts does that.
  judgeLimits(facts, needs, say);
  if (needs.network !== undefined)
    judgeNetwork(facts, needs.network, { fault: say.fault, warn: (text) => void lost.push(text) });
  return { faults, warnings: [...warnings, ...lost], lost };
}

const PACKAGE_OF: Readonly<Record<string, string>> = {
  ip: "iproute2",
  nft: "nftables",
  nsenter: "util-linux",
  unshare: "util-linux",
  prlimit: "util-linux",
  mount: "mount",
  setsid: "util-linux",
  flock: "util-linux",
  fallocate: "util-linux",
  "ssh-keyscan": "openssh-client",
  dnsmasq: "dnsmasq-base",
  setpriv: "util-linux",
  perl: "perl",
  zstd: "zstd",
  grep: "grep",
  sed: "sed",
};

/** The least versions: ip creates a veth's peer in its namespace, nft takes comments. */
const LEAST: readonly (readonly [tool: string, version: string])[] = [
  ["ip", "4.20"],
  ["nft", "0.9.8"],
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

function vmm(facts: DropletFacts, needs: Needs, say: Say): void {
  const { fault, warn } = say;
  const { found, missing } = programsOf(facts);
  const newest = newestOf(found);
  if (newest === undefined) {
    fault(`there is no Firecracker at ${pathsOf(needs.firecracker).join(", ")} (hornet:vmm.firecracker)`);
    return;
  }
  if (missing.length > 0) warn(`there is no Firecracker at ${missing.join(", ")} (hornet:vmm.firecracker) any more`);
  if (!atLeast(newest.version, "1.0")) fault(`Firecracker ${newest.version} is too old; Hornet needs 1.0 or later`);
  const { made, described } = needs.outlook;
  const has = made?.format ?? described?.head?.format ?? /^v(\d[\d.]*)$/.exec(described?.said ?? "")?.[1];
  if (has !== undefined && programFor(found, has) === undefined) fault(unreadable(found, has));
  if (described !== undefined && described.said !== "" && has === undefined) {
    fault(`Firecracker ${newest.version} cannot read ${described.stateFile}: ${described.said}`);
  }
  if (made !== undefined) judgeCpu(facts, made, needs.requireCpuFeatures, say);
  judgeJail(programsOf(facts), needs.jailer ?? "off", say);
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
  const ports = Math.max(needs.clones, Number(facts.get("bridge_ports") ?? 0) + needs.newClones);
  if (ports > BRIDGE_PORTS) {
    fault(
      `a bridge has ${BRIDGE_PORTS} ports; with ${needs.clones} clones ${needs.bridge} would have ${ports}: put a part ` +
        "of them into a stack with a bridge of its own (hornet:bridge.name and address)",
    );
  }
  const [pids = "", cgroup = ""] = (facts.get("cgroup_pids") ?? "").split(" ");
  if (pids !== "" && Number(pids) < needs.newClones * TASKS) {
    fault(
      `only ${pids} more processes fit into the cgroup ${cgroup} (pids.max); ${needs.newClones} clones need ` +
        `${needs.newClones * TASKS}: raise it with systemctl set-property ${unitOf(cgroup)} TasksMax=infinity`,
    );
  }
}

/** The systemd unit of a cgroup: the last part of its path. */
function unitOf(cgroup: string): string {
  return cgroup.slice(cgroup.lastIndexOf("/") + 1);
}

function sessions(facts: DropletFacts, needs: Needs, { fault, warn }: Say): void {
  const files = amount(facts, "nofile");
  if (files < OPEN_FILES) {
    fault(
      `a process may open ${files} files there; Hornet needs ${OPEN_FILES}: raise the hard limit nofile of ` +
        "the login user (limits.conf(5), or LimitNOFILE of sshd's unit)",
    );
  }
  const most = amount(facts, "max_sessions");
  if (most < needs.lanes + FURTHER_SESSIONS) {
    warn(
      `sshd takes ${most} sessions on one connection (MaxSessions), and ${needs.lanes} commands at once use ` +
        `${needs.lanes + FURTHER_SESSIONS}: the others connect anew, which is slower; lower hornet:fleet.concurrency or raise it`,
    );
  }
  // It forwards from here with `yes`, `all` and `local` (sshd_config(5)).
  const forwarding = facts.get("no_forwarding") === "yes" ? "no" : (facts.get("tcp_forwarding") ?? "");
  if (needs.overSsh && ["no", "remote"].includes(forwarding))
    warn(`sshd forwards no connections to clones: ${FORWARDING}`);
}
