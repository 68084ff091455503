import { listOf, type DropletFacts } from "./facts";
import { INTERNET, nameOf, type FleetNetwork } from "./fleetNetwork";
import { parseRoute } from "./routes";

/** What a trial of the fleet's packets found. */
export interface Reach {
  /** In words who does not reach what, each with the cause. */
  readonly lost: readonly string[];
  /** Clones that the droplet itself, so the operator too, does not reach. */
  readonly unreachable: readonly string[];
  /** Commands that let all of it through, in order; they were tried. */
  readonly mends: readonly string[];
  /** Something is lost whatever was tried. */
  readonly isUnmended: boolean;
}

/** Reads the answer of droplet/host/replica.pl. */
export function reachOf(facts: DropletFacts, network: FleetNetwork): Reach {
  const gateway = network.address.replace(/\/.*/, "");
  const groups = new Map<string, Set<string>>();
  const unreachable = new Set<string>();
  const published: string[] = [];
  for (const line of listOf(facts, "net.lost")) {
    const [from = "", protocol = "", to = "", port = ""] = line.split(" ");
    if (from === "droplet") unreachable.add(nameOf(to, network.address, network.firstId));
    else if (from === "world")
      published.push(`${nameOf(to, network.address, network.firstId)} at the droplet's port ${port}/${protocol}`);
    else {
      const target = to === INTERNET ? "the Internet" : to === gateway ? "the droplet" : to;
      const key = `${target} ${port}/${protocol}`;
      groups.set(key, (groups.get(key) ?? new Set()).add(nameOf(from, network.address, network.firstId)));
    }
  }
  const byClones = new Map<string, Map<string, string[]>>();
  for (const [key, clones] of groups) {
    const who = listed([...clones]);
    const at = key.lastIndexOf(" ");
    const targets = byClones.get(who) ?? new Map<string, string[]>();
    const ports = targets.get(key.slice(0, at)) ?? [];
    ports.push(key.slice(at + 1));
    byClones.set(who, targets.set(key.slice(0, at), ports));
  }
  const lost = [
    ...[...byClones].map(([who, targets]) => `${who} cannot reach ${reached(targets)}`),
    ...(unreachable.size === 0 ? [] : [`the droplet cannot reach ${listed([...unreachable])} on 22/tcp`]),
    ...(published.length === 0 ? [] : [`nobody can reach ${published.join(", ")}`]),
  ];
  return {
    lost,
    unreachable: [...unreachable],
    mends: listOf(facts, "net.mend"),
    isUnmended: listOf(facts, "net.unmended").length > 0,
  };
}

/** What is lost, why, and what mends it, in one text; undefined if nothing is lost. */
export function reachWords(facts: DropletFacts, network: FleetNetwork): string | undefined {
  const { lost, mends, isUnmended } = reachOf(facts, network);
  if (lost.length === 0) return undefined;
  const cure =
    mends.length === 0
      ? ""
      : `. Run on the droplet, and keep it where its firewall keeps its rules: ${mends.join(" && ")}` +
        (isUnmended ? " (this mends a part of it)" : "");
  return `${lost.join("; ")}: ${causeOf(facts, network)}${cure}`;
}

function causeOf(facts: DropletFacts, { uplink, bridge }: FleetNetwork): string {
  const drops = listOf(facts, "net.drop");
  const noRoute = [...new Set(listOf(facts, "net.noroute"))];
  const leaves = parseRoute(facts.get("net.internet") ?? "")?.link;
  const causes = [
    ...drops.map((drop) => `${drop} (nft)`),
    ...noRoute.map((line) => {
      const [to = "", ...words] = line.split(" ");
      return `the droplet has no IPv4 route to ${to === INTERNET ? "the Internet" : to} (${words.join(" ")})`;
    }),
    ...(uplink !== "auto" && leaves !== undefined && leaves !== "" && leaves !== uplink
      ? [`hornet:bridge.uplink is ${uplink}, and packets leave by ${leaves}: set hornet:bridge.uplink: auto`]
      : []),
  ];
  if (causes.length > 0) return causes.join("; ");
  const mends = listOf(facts, "net.mend");
  if (mends.some((line) => line.startsWith("sysctl"))) return "an interface does not forward";
  if (mends.some((line) => line.startsWith("ufw "))) return "rules of ufw in iptables-legacy";
  if (mends.some((line) => line.startsWith("iptables-legacy"))) return "rules of iptables-legacy";
  return `something between ${bridge} and there drops the packets`;
}

/** The targets, each with its ports: `the Internet on 443/tcp and 53/udp`. */
function reached(targets: ReadonlyMap<string, readonly string[]>): string {
  return [...targets].map(([target, ports]) => `${target} on ${listed(ports)}`).join(", ");
}

function listed(names: readonly string[]): string {
  if (names.length <= 10) return names.join(names.length === 2 ? " and " : ", ");
  return `${names.slice(0, 4).join(", ")} and ${names.length - 4} more`;
}
