import { renderTable } from "../network/nft";
import { bridgeTable, type Forward } from "../network/bridge";
import { namesIn, namesPort } from "../network/nameServer";
import { cidrOf, contains, formatAddress, networkNumber, networkText, nthHost, parseCidr } from "../../model/addresses";
import { egressEntry, servicePorts, type PortRange } from "../../model/egress";
import { cloneName, idOfHost } from "../../model/names";

/** What Preflight has to know of a fleet's network. */
export interface FleetNetwork {
  /** The bridge's name, its own address with prefix, and whose it is. */
  readonly bridge: string;
  readonly address: string;
  /** The clone that gets the network's first free address. Default: 0 */
  readonly firstId?: number | undefined;
  readonly owner: string;
  /** See plan/network/bridge.ts. */
  readonly uplink: string;
  readonly closed: boolean;
  readonly forwards: readonly Forward[];
  /** Ports of the droplet that guests reach at the bridge's address. */
  readonly services: readonly string[];
  /** Clones by what they may open connections to. */
  readonly guests: readonly { readonly clones: readonly string[]; readonly egress: readonly string[] }[];
  /** Bridges that are the stack's own already. */
  readonly known: readonly string[];
}

/**
 * An address that stands for the Internet in Preflight's trial. No packet goes there: the trial's namespaces lead nowhere. No
 * server has it, but its block (AS112, RFC 7535) is assigned and globally reachable, so that no list of bogons holds it.
 */
export const INTERNET = "192.31.196.254";

/** The port of a guest that the operator comes in by. */
const SSH = 22;

/** One connection of the trial: FROM PROTOCOL TO PORT, see droplet/host/replica.pl. */
export type Packet = readonly [from: string, protocol: "tcp" | "udp", to: string, port: number];

/** The variables of the library's `network_facts`; empty ones where nothing is known of the network. */
export function networkVars(
  network: FleetNetwork | undefined,
): Readonly<Record<"network" | "bridge_address" | "bridge_rules" | "internet" | "packets", string>> {
  if (network === undefined) return { network: "", bridge_address: "", bridge_rules: "", internet: "", packets: "" };
  const { bridge: name, address, uplink, closed, forwards, owner } = network;
  const net = networkText(cidrOf(address));
  return {
    network: net,
    bridge_address: address,
    bridge_rules: renderTable(bridgeTable({ name, address, network: net, uplink, closed, forwards, owner })),
    internet: INTERNET,
    packets: packetsOf(network)
      .map((packet) => packet.join(" "))
      .join("\n"),
  };
}

/** The connections that a fleet's declaration promises, each once. */
export function packetsOf({ address, owner, services, guests, forwards }: FleetNetwork): Packet[] {
  const bridge = address.replace(/\/.*/, "");
  const all = guests.flatMap(({ clones, egress }) => {
    const targets = [
      // What is behind the bridge itself is the clones' own rules' business.
      ...egress.flatMap(targetsOf).filter(([, to]) => !contains(cidrOf(address), cidrOf(`${to}/32`).address)),
      ...services.map((text): Target => [servicePorts(text).protocol, bridge, servicePorts(text).first]),
      ...(namesIn(egress)
        ? (["udp", "tcp"] as const).map((protocol): Target => [protocol, bridge, namesPort(owner)])
        : []),
    ];
    return clones.flatMap((clone): Packet[] => [
      ["droplet", "tcp", clone, SSH],
      ...targets.map(([protocol, to, port]): Packet => [clone, protocol, to, port]),
    ]);
  });
  const published = forwards.map(({ port, protocol, address: clone }): Packet => ["world", protocol, clone, port]);
  return [...new Map([...all, ...published].map((packet) => [packet.join(" "), packet])).values()];
}

type Target = readonly [protocol: "tcp" | "udp", to: string, port: number];

const WEB: PortRange = { first: 443, last: 443, protocol: "tcp" };

function targetsOf(text: string): Target[] {
  const entry = egressEntry(text);
  const { first, protocol = "tcp" } = entry.ports ?? WEB;
  switch (entry.kind) {
    case "none":
      return [];
    case "internet":
    case "everything":
      // DNS is what guests ask for first, and what firewalls treat otherwise.
      return [[protocol, INTERNET, first], ...(entry.ports === undefined ? [["udp", INTERNET, 53] as const] : [])];
    case "name":
      return [[protocol, INTERNET, first]];
    case "network":
      return [[protocol, hostIn(entry.network), first]];
  }
}

/** A host's address in a network. */
function hostIn(network: string): string {
  const cidr = cidrOf(network);
  return cidr.prefix >= 31 ? formatAddress(cidr.address) : nthHost(cidr, 1);
}

/** A clone's name by its address. */
export function nameOf(address: string, bridgeAddress: string, firstId = 0): string {
  const bridge = cidrOf(bridgeAddress);
  const own = parseCidr(`${address}/32`);
  if (own === undefined || !contains(bridge, own.address)) return address;
  return cloneName(idOfHost(own.address - networkNumber(bridge), firstId));
}

/** The addresses of all clones. */
export function cloneAddresses({ guests }: FleetNetwork): string[] {
  return guests.flatMap(({ clones }) => [...clones]);
}
