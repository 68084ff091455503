import {
  broadcastNumber,
  cidrOf,
  contains,
  networkNumber,
  networkText,
  overlaps,
  parseAddress,
  parseCidr,
  type Cidr,
} from "../../model/addresses";
import { listOf, type DropletFacts, type Say } from "./facts";
import { cloneAddresses, nameOf, type FleetNetwork } from "./fleetNetwork";
import { freeAddress } from "./freeNetwork";
import { reachOf, reachWords } from "./reach";
import { isDefaultLike, parseRoute, rulesBefore, type Route } from "./routes";

/**
 * Judges a fleet's network on a droplet, and what its packets meet there. An `up` that would make clones which even the droplet
 * cannot reach is refused.
 */
export function judgeNetwork(facts: DropletFacts, network: FleetNetwork, say: Say): void {
  const faults: string[] = [];
  judgeNetworks(facts, network, { ...say, fault: (text) => void faults.push(text) });
  faults.forEach(say.fault);
  // What would be lost besides is no news.
  if (faults.length > 0) return;
  const untried = facts.get("net.untried");
  if (untried !== undefined) say.warn(`the fleet's packets could not be tried on the droplet: ${untried}`);
  // Where a packet finds no way to a clone, the route is the cause, and it is reported already.
  if (listOf(facts, "net.astray").length > 0) return;
  const words = reachWords(facts, network);
  if (words === undefined) return;
  const refuses = reachOf(facts, network).unreachable.length > 0 && !hasBridge(facts, network);
  (refuses ? say.fault : say.warn)(words);
}

/**
 * Compares the droplet's networks with a fleet's: what would cut the operator off, take an address that is in use or routed
 * elsewhere, or leave clones unreachable is a fault. If the bridge is there already with its address, nothing of this comes from
 * an `up`, so it is a warning.
 */
function judgeNetworks(facts: DropletFacts, network: FleetNetwork, { fault, warn }: Say): void {
  const there = hasBridge(facts, network);
  const say = there ? warn : fault;
  if (facts.get("net.bridge") === "other") {
    fault(`${network.bridge} already exists and is not a bridge; choose another name: hornet:bridge.name: hornet0`);
    return;
  }
  const conflicts = conflictsOf(facts, network, there);
  if (conflicts.length > 0) {
    const free = freeAddress(facts, cidrOf(network.address).prefix);
    say(
      `the bridge's network ${networkText(cidrOf(network.address))} is in use on the droplet: ${conflicts.join("; ")}. ` +
        (free === undefined
          ? "No private network of this size is free there"
          : `Free there: hornet:bridge.address: ${free}`),
    );
  }
  carriesUplink(facts, network, say);
  if (conflicts.length === 0) astray(facts, network, say);
}

/** Whether the bridge has its address already, so that an `up` takes none. */
function hasBridge(facts: DropletFacts, { bridge, address }: FleetNetwork): boolean {
  return listOf(facts, "net.address").some((line) => line.startsWith(`${bridge} ${address} `));
}

function conflictsOf(facts: DropletFacts, network: FleetNetwork, there: boolean): string[] {
  const { bridge, owner, known } = network;
  const wanted = cidrOf(network.address);
  const used = [wanted.address, ...cloneAddresses(network).flatMap((address) => parseAddress(address) ?? [])];
  const owners = new Map(listOf(facts, "net.owned").map((line) => line.split(" ") as [string, string]));
  const isOwn = (link: string): boolean => link === bridge || known.includes(link) || owners.get(link) === owner;
  const holdsUsed = anyIn(used);
  const takes = (cidr: Cidr): boolean => overlaps(cidr, wanted) && (cidr.prefix <= wanted.prefix || holdsUsed(cidr));
  const found: string[] = [];
  const reported = new Set<string>();
  for (const line of listOf(facts, "net.address")) {
    const [link = "", text = "", peer = ""] = line.split(" ");
    const cidrs = [text, peer].flatMap((one) => parseCidr(one.includes("/") ? one : `${one}/32`) ?? []);
    if (isOwn(link) || !cidrs.some(takes)) continue;
    const stack = owners.get(link);
    found.push(`${link} has ${peer === "" ? text : `${text} peer ${peer}`}${stack === undefined ? "" : ` (${stack})`}`);
    reported.add(link);
  }
  const routes = listOf(facts, "net.route").flatMap((line) => parseRoute(line) ?? []);
  for (const route of routes) {
    if (isOwn(route.link) || reported.has(route.link) || route.leadsNowhere || isDefaultLike(route)) continue;
    if (takes(route.network)) found.push(`its route ${route.text}`);
  }
  found.push(...takenOnBridge(facts, network));
  return there ? found : [...found, ...cutOff(facts, wanted, routes)];
}

/** Those beside the fleet whom the bridge's network would cut off: the droplet would look for them behind the bridge. */
function cutOff(facts: DropletFacts, wanted: Cidr, routes: readonly Route[]): string[] {
  const gateways = routes.flatMap(({ gateway }) => (gateway === undefined ? [] : [gateway]));
  const parties: [string, string][] = [
    [facts.get("net.operator") ?? "", "this ssh connection comes from"],
    ...[...new Set(gateways)].map((one): [string, string] => [one, "it has the gateway"]),
    ...listOf(facts, "net.resolver").map((one): [string, string] => [one, "it has the name server"]),
    ...listOf(facts, "net.peer").map((one): [string, string] => [one, "it has an open connection with"]),
  ];
  // A hostile droplet has as many routes and gateways as an answer holds.
  const narrower = new Set(
    routes.flatMap(({ network }) =>
      network.prefix > wanted.prefix && overlaps(network, wanted) ? [networkText(network)] : [],
    ),
  );
  const prefixes = Array.from({ length: 32 - wanted.prefix }, (_, at) => wanted.prefix + 1 + at);
  const told = new Set<string>();
  return parties.flatMap(([address, words]) => {
    const number = parseAddress(address);
    if (number === undefined || !contains(wanted, number) || told.has(address)) return [];
    told.add(address);
    // The kernel takes the longest prefix.
    const kept = prefixes.some((prefix) => narrower.has(networkText({ address: number, prefix })));
    return kept ? [] : [`${words} ${address}`];
  });
}

/** Whether a network contains one of these addresses, as a function that compares with few of them. */
function anyIn(addresses: readonly number[]): (cidr: Cidr) => boolean {
  const sorted = Uint32Array.from(addresses).sort();
  return (cidr) => {
    const first = networkNumber(cidr);
    let [low, high] = [0, sorted.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sorted[middle] ?? 0) < first) low = middle + 1;
      else high = middle;
    }
    return (sorted[low] ?? Infinity) <= broadcastNumber(cidr);
  };
}

/** MAC addresses of Hornet's own veths, taps and bridges (model/macs.ts). */
const OURS = /^(02|06|0a):fc:/;

/** Addresses of clones that somebody else behind the same bridge has. */
function takenOnBridge(facts: DropletFacts, network: FleetNetwork): string[] {
  const clones = new Set(cloneAddresses(network));
  return listOf(facts, "net.neighbour").flatMap((line) => {
    const [, address = "", link, mac = ""] = /^(\S+) dev (\S+) lladdr (\S+)/.exec(line) ?? [];
    if (link !== network.bridge || OURS.test(mac) || !clones.has(address) || line.endsWith("FAILED")) return [];
    return [`behind ${link}, ${address} is that of ${mac}`];
  });
}

/** A bridge of somebody's that the droplet itself reaches the Internet by. */
function carriesUplink(facts: DropletFacts, { bridge, known }: FleetNetwork, say: Say["fault"]): void {
  if (facts.get("net.bridge") !== "bridge" || known.includes(bridge)) return;
  const route = listOf(facts, "net.route")
    .flatMap((line) => parseRoute(line) ?? [])
    .find((one) => one.link === bridge && one.network.prefix === 0);
  if (route === undefined) return;
  const ports = listOf(facts, "net.member").join(", ");
  say(
    `${bridge} carries the droplet's uplink (${route.text}${ports === "" ? "" : `; ports ${ports}`}): clones would be on its ` +
      "wire, and their packets would leave with their own addresses. Let Hornet make a bridge: hornet:bridge.name: hornet0",
  );
}

/** Clones that the kernel would look for elsewhere than behind the bridge, although the bridge has their network. */
function astray(facts: DropletFacts, network: FleetNetwork, say: Say["fault"]): void {
  const lines = listOf(facts, "net.astray").map((line) => line.split(" "));
  const [first] = lines;
  if (first === undefined) return;
  const [address = "", ...words] = first;
  const table = /\btable (\S+)/.exec(words.join(" "))?.[1];
  const rule = rulesBefore(listOf(facts, "net.rule"), table)[0];
  const net = networkText(cidrOf(network.address));
  const others = lines.length === 1 ? "" : ` and ${lines.length - 1} more`;
  say(
    `the droplet would look for ${nameOf(address, network.address, network.firstId)}${others} elsewhere: the kernel's route is ` +
      `"${words.join(" ")}"` +
      (rule === undefined
        ? ""
        : `, by the policy rule "${rule.text}". Run on the droplet: ip rule add pref ${rule.pref - 1} to ${net} lookup main`),
  );
}
