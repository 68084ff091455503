import { cidrOf, contains, formatAddress, networkText } from "../../model/addresses";
import { egressEntry, METADATA, PRIVATE_NETWORKS, servicePorts } from "../../model/egress";
import { namesIn, namesPort } from "./nameServer";
import { portMatch } from "./ports";
import type { NftRule, NftTable } from "./nft";

/** A port of the clone's address that leads to another port of the guest. */
export interface PublishedPort {
  readonly port: number;
  /** Default: the same port. */
  readonly guestPort?: number | undefined;
  readonly protocol: "tcp" | "udp";
}

/** The declared packet rules of one clone. */
export interface NatSpec {
  /** The clone's address on the bridge network: `10.0.0.9`. */
  readonly address: string;
  /** The address that every guest of the snapshot has: `192.168.241.2`. */
  readonly guestAddress: string;
  readonly nsVeth: string;
  readonly tap: string;
  readonly publish: readonly PublishedPort[];
  /** Destinations of the guest's connections, in the form of model/egress.ts. */
  readonly egress: readonly string[];
  /** The bridge's own address with prefix. Without it the rules name neither the droplet nor other clones. */
  readonly bridgeAddress?: string | undefined;
  /** Ports of the droplet that the guest reaches: `8080/tcp`. */
  readonly services: readonly string[];
  /** The guest reaches no other clone. */
  readonly isolated: boolean;
  /** Name servers in the guest's image, in whose place the droplet's name server answers. */
  readonly nameservers: readonly string[];
  /** Connections that the guest may have open at once. */
  readonly connections: number;
  /** Connections that the guest may open per second. */
  readonly newConnections: number;
  readonly owner: string;
}

/** The table's name inside every clone's namespace. */
export const NAT_TABLE = "hornet";

/** The first rule that matches decides, so refusals of some destinations come between rules that accept others. */
const REFUSE = "reject with icmp admin-prohibited";

/**
 * One clone's table: SNAT out, DNAT in, forwarding only for the guest's own address and only to what is declared.
 *
 * Both nat chains are always present: nft translates the return path only for hooks that have a chain. The table drops the
 * guest's packets to a cloud's metadata service, which would serve the droplet's own credentials. The guest's own metadata
 * requests never reach it: the VMM answers them.
 */
export function natTable(spec: NatSpec): NftTable {
  const { address, guestAddress, nsVeth, publish, owner } = spec;
  const inbound = `iifname "${nsVeth}" ip daddr ${address}`;
  const published: NftRule[] = publish.map(({ port, guestPort, protocol }) => ({
    label: `publish ${protocol} ${port}`,
    text: `${inbound} ${protocol} dport ${port} dnat to ${guestAddress}:${guestPort ?? port}`,
  }));
  return {
    name: NAT_TABLE,
    owner,
    chains: [
      {
        name: "prerouting",
        base: "type nat hook prerouting priority dstnat; policy accept;",
        rules: [...published, { label: "DNAT", text: `${inbound} dnat to ${guestAddress}` }, ...nameServerRules(spec)],
      },
      {
        name: "postrouting",
        base: "type nat hook postrouting priority srcnat; policy accept;",
        rules: [{ label: "SNAT", text: `oifname "${nsVeth}" ip saddr ${guestAddress} snat to ${address}` }],
      },
      {
        name: "forward",
        base: "type filter hook forward priority filter; policy drop;",
        rules: [
          { label: "established", text: "ct state established,related accept" },
          ...metadataRules(spec),
          ...limitRules(spec),
          ...egressRules(spec),
          ...ingressRules(spec),
        ],
      },
    ],
  };
}

/** Whether the guest may connect to everything. */
function isOpen({ egress }: NatSpec): boolean {
  return egress.includes("everything");
}

/** Drops packets to metadata addresses, except to one that the egress list declares by itself. */
function metadataRules(spec: NatSpec): NftRule[] {
  const from = `iifname "${spec.tap}"`;
  const closed = isOpen(spec) ? METADATA.slice(0, 1) : METADATA;
  const match = closed.length === 1 ? closed[0] : `{ ${closed.join(", ")} }`;
  return [
    ...networkRules(spec).filter(({ isMetadata }) => isMetadata),
    { label: "no host metadata", text: `${from} ip daddr ${match} drop` },
  ].map(({ label, text }) => ({ label, text }));
}

interface NetworkRule extends NftRule {
  /** The network is the bridge's own address alone. */
  readonly isDroplet: boolean;
  /** The network is one metadata address alone. */
  readonly isMetadata: boolean;
}

/** The rules of declared networks. */
function networkRules(spec: NatSpec): NetworkRule[] {
  const droplet = spec.bridgeAddress?.replace(/\/.*/, "");
  return [...new Set(spec.egress)].flatMap((text) => {
    const entry = egressEntry(text);
    if (entry.kind !== "network") return [];
    const { network, ports } = entry;
    const single = network.endsWith("/32") ? network.slice(0, -"/32".length) : undefined;
    const isMetadata =
      single !== undefined &&
      METADATA.some((one) => contains(cidrOf(one.includes("/") ? one : `${one}/32`), cidrOf(network).address));
    return [
      {
        label: `egress to ${text}`,
        text: `${outboundOf(spec)} ip daddr ${network}${portMatch(ports)} accept`,
        isDroplet: single !== undefined && single === droplet,
        isMetadata,
      },
    ];
  });
}

/** Matches the guest's packets from its own address, so that it cannot send as another. */
function outboundOf({ guestAddress, nsVeth, tap }: NatSpec): string {
  return `iifname "${tap}" oifname "${nsVeth}" ip saddr ${guestAddress}`;
}

/** The address and port of the droplet's name server; undefined where the guest's egress has no names. */
function nameServerOf({ egress, bridgeAddress, owner }: NatSpec): string | undefined {
  if (bridgeAddress === undefined || !namesIn(egress)) return undefined;
  return `${bridgeAddress.replace(/\/.*/, "")}:${namesPort(owner)}`;
}

/**
 * Redirects the guest's queries to the image's name servers to the droplet's name server. Queries to other addresses are
 * refused like every undeclared connection.
 */
function nameServerRules(spec: NatSpec): NftRule[] {
  const server = nameServerOf(spec);
  if (server === undefined) return [];
  const bridge = spec.bridgeAddress?.replace(/\/.*/, "") ?? "";
  const known = [...new Set([bridge, ...spec.nameservers])].join(", ");
  const match = `iifname "${spec.tap}" ip daddr { ${known} }`;
  return ["udp", "tcp"].map((protocol) => ({
    label: `name server ${protocol}`,
    text: `${match} ${protocol} dport 53 dnat to ${server}`,
  }));
}

/** Limits one guest's share of the connection table, which the kernel keeps for all, and its rate of new connections. */
function limitRules({ tap, connections, newConnections }: NatSpec): NftRule[] {
  const newConnection = `iifname "${tap}" ct state new`;
  return [
    {
      label: "new connections",
      text: `${newConnection} limit rate over ${newConnections}/second burst ${newConnections} packets drop`,
    },
    { label: "connections", text: `${newConnection} ct count over ${connections} drop` },
  ];
}

function egressRules(spec: NatSpec): NftRule[] {
  const { services, isolated } = spec;
  const outbound = outboundOf(spec);
  if (isOpen(spec)) return [{ label: "egress", text: `${outbound} accept` }];
  const accept = (label: string, match: string): NftRule => ({ label, text: `${outbound}${match} accept` });
  const refuse = (label: string, match: string): NftRule => ({ label, text: `${outbound}${match} ${REFUSE}` });
  const networks = networkRules(spec);
  const plain = ({ label, text }: NftRule): NftRule => ({ label, text });
  const rules: NftRule[] = [];
  const bridge = spec.bridgeAddress === undefined ? undefined : cidrOf(spec.bridgeAddress);
  if (bridge !== undefined) {
    const droplet = formatAddress(bridge.address);
    const server = nameServerOf(spec);
    const port = server?.split(":")[1];
    rules.push(
      ...(port === undefined
        ? []
        : [accept("names' server", ` ip daddr ${droplet} meta l4proto { tcp, udp } th dport ${port}`)]),
      ...[...new Set(services)].map((text) =>
        accept(`service ${text}`, ` ip daddr ${droplet}${portMatch(servicePorts(text))}`),
      ),
      ...networks.filter(({ isDroplet }) => isDroplet).map(plain),
      accept("ping", ` ip daddr ${droplet} icmp type echo-request`),
      // A declared network that contains the bridge's address does not open the droplet's own ports, such as ssh's.
      refuse("the droplet", ` ip daddr ${droplet}`),
    );
    if (!isolated) rules.push(accept("other clones", ` ip daddr ${networkText(bridge)}`));
  }
  rules.push(...networks.filter(({ isDroplet, isMetadata }) => !isDroplet && !isMetadata).map(plain));
  const internet = [...new Set(spec.egress)].filter((text) => egressEntry(text).kind === "internet");
  const named = nameServerOf(spec) !== undefined;
  if (internet.length > 0 || named) {
    rules.push(refuse("private networks", ` ip daddr { ${PRIVATE_NETWORKS.join(", ")} }`));
    // The bridge's network may be outside of PRIVATE_NETWORKS.
    if (bridge !== undefined) rules.push(refuse("the bridge's network", ` ip daddr ${networkText(bridge)}`));
    rules.push(...internet.map((text) => accept(`egress to ${text}`, portMatch(egressEntry(text).ports))));
  }
  // The droplet's table (names.ts) knows the names' addresses: it accepts those and refuses all others.
  if (named) return [...rules, accept("egress to names", "")];
  return [...rules, refuse("egress elsewhere", "")];
}

/**
 * Accepts connections to the guest from the droplet, through which the operator comes, and from others only to published
 * ports. Without this a neighbour of the droplet that routed the bridge's network there reached every clone's ssh.
 */
function ingressRules(spec: NatSpec): NftRule[] {
  const { guestAddress, nsVeth, tap, publish, bridgeAddress, isolated } = spec;
  const inbound = `iifname "${nsVeth}" oifname "${tap}"`;
  const toGuest = `ip daddr ${guestAddress} accept`;
  if (isOpen(spec) || bridgeAddress === undefined) return [{ label: "ingress", text: `${inbound} ${toGuest}` }];
  const bridge = cidrOf(bridgeAddress);
  const from = isolated ? formatAddress(bridge.address) : networkText(bridge);
  return [
    { label: "ingress", text: `${inbound} ip saddr ${from} ${toGuest}` },
    ...publish.map(({ port, protocol }) => ({
      label: `ingress to ${protocol} ${port}`,
      text: `${inbound} meta l4proto ${protocol} ct original proto-dst ${port} ${toGuest}`,
    })),
  ];
}
