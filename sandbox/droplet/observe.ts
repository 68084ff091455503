import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { z } from "zod";
import { dropletExec } from "./enter";
import { keptFolders } from "./paths";

/** A listing of a droplet, by kind (`links`, `nft`, `files`, …), one stable line for each entry. */
export type Observation = Record<string, string[]>;

/** Fields that differ from one moment or one creation to the next without a change of the droplet. */
const volatile =
  /^(ifindex|link_index|link_netnsid|nsid|iif_index|valid_life_time|preferred_life_time|tentative|dynamic|expires|cache|used|stats|stats64|promiscuity|.*_timer|.*_id|.*_age|qlen|num_.x_queues|gso_.*|gro_.*|tso_.*|operstate)$/;

/** Flags that the kernel sets a moment after a link comes up. */
const lateFlags: readonly unknown[] = ["NO-CARRIER", "LOWER_UP", "linkdown", "dead"];

function stable(value: unknown): unknown {
  if (Array.isArray(value)) return value.filter((item) => !lateFlags.includes(item)).map(stable);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !volatile.test(key))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, stable(inner)]),
  );
}

function jsonLines(text: string): string[] {
  // iproute2 prints nothing at all, or empty objects, for an empty list.
  const list = z.array(z.record(z.string(), z.unknown())).parse(text.trim() ? JSON.parse(text) : []);
  return (
    list
      // The kernel adds the multicast route of IPv6 a moment after a link came up.
      .filter((entry) => Object.keys(entry).length > 0 && entry.dst !== "ff00::/8")
      .map((entry) => JSON.stringify(stable(entry)))
      .sort()
  );
}

interface Listed {
  readonly pid: string;
  readonly parent: string;
  readonly command: string;
}

/**
 * All processes but this observer and sessions of ssh. The parent of a process that a session left running is pid 1. Zombies do
 * not count, nor does a process that is about to end: it has no memory left, and ps(1) prints its name in brackets for its
 * arguments.
 */
function processLines(text: string): string[] {
  const all = text.split("\n").flatMap((line): Listed[] => {
    const [, pid, parent, command] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
    return pid && parent && command ? [{ pid, parent, command }] : [];
  });
  const visitors = new Set(all.filter(({ pid, parent }) => parent === "0" && pid !== "1").map(({ pid }) => pid));
  for (const { pid, parent } of [...all].sort((a, b) => Number(a.pid) - Number(b.pid))) {
    if (visitors.has(parent)) visitors.add(pid);
  }
  return all
    .filter(({ pid, command }) => !visitors.has(pid) && !command.endsWith("<defunct>"))
    .filter(({ command }) => !/^(\S+)\s+\[\1\]$/.test(command))
    .map(({ command }) => command)
    .sort();
}

/** Mounts without the ids of namespaces and devices. Fields: root, mount point, options, tags, "-", type, source, … */
function mountLines(text: string): string[] {
  return text
    .split("\n")
    .filter(Boolean)
    .map((line) => line.replace(/(shared|master|propagate_from):\d+/g, "$1").replace(/^(\w+):\[\d+\]/, "$1"))
    .sort();
}

function fileLines(text: string): string[] {
  return (
    text
      .split("\n")
      // sshd writes these records of logins with a terminal.
      .filter((line) => line !== "" && !/ \/(var\/log\/(lastlog|wtmp|btmp)|run\/utmp) -> $/.test(line))
      .map((line) => {
        const [, type = "", mode = "", size = "", path = "", target = ""] =
          /^(.) (\d+) (\d+) (.*?) -> (.*)$/.exec(line) ?? [];
        // The size of a folder grows with its entries and never shrinks again.
        return `${path} ${type} ${mode}${type === "f" ? ` ${size}` : ""}${target ? ` -> ${target}` : ""}`;
      })
      .sort()
  );
}

const plainLines = (text: string): string[] => text.split("\n").filter((line) => line.trim() !== "");

const readers: Record<string, (text: string) => string[]> = {
  links: jsonLines,
  addresses: jsonLines,
  routes: jsonLines,
  routes6: jsonLines,
  rules: jsonLines,
  neighbours: jsonLines,
  namespaces: jsonLines,
  nft: plainLines,
  sysctls: (text) => plainLines(text).sort(),
  processes: processLines,
  mounts: mountLines,
  cgroups: (text) => plainLines(text).sort(),
  files: fileLines,
};

/**
 * Lists everything that Hornet could leave behind on a running droplet: links, addresses, routes, rules, named
 * namespaces, nft rules, network sysctls, processes, mounts, cgroups, and the files below /opt/swarm, /run, /tmp, /etc, /var/log
 * and /root. Two listings with nothing changed between are equal.
 * @throws where the droplet does not run or a listing fails
 */
export async function observeDroplet(name: string): Promise<Observation> {
  const script = await readFile(resolve(__dirname, "observe.sh"), "utf8");
  const { stdout, stderr, exitCode } = await dropletExec(name, ["bash", "-s", "--", ...keptFolders], script);
  if (stderr.trim() !== "" || exitCode !== 0) throw new Error(`listing the droplet ${name} failed: ${stderr.trim()}`);
  const sections = new Map(
    stdout
      .split(/^== /m)
      .slice(1)
      .map((section): [string, string] => {
        const end = section.indexOf("\n");
        return [section.slice(0, end), section.slice(end + 1)];
      }),
  );
  return Object.fromEntries(
    Object.entries(readers).map(([key, read]) => {
      const text = sections.get(key);
      if (text === undefined) throw new Error(`listing the droplet ${name}: the section ${key} is missing`);
      return [key, read(text)];
    }),
  );
}
