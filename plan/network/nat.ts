import { cidrOf, contains, formatAddress, networkText } from "../../model/addresses";
import { egressEntry, METADATA, PRIVATE_NETWORKS, servicePorts } from "../../model/egress";
import { namesIn, namesPort } from "./nameServer";
import { portMatch } from "./ports";
import type { NftRule, NftTable } from "./nft";

/** A port of the clone's address that leads to another port of the guest. */
export interface PublishedPort {
  readonly port: number;
  /** Left out, the same. */
  readonly guestPort?: number | undefined;
  readonly protocol: "tcp" | "udp";
}

/** What one clone's packet rules are made from. */
export interface NatSpec {
  /** The clone's address on the bridge network: `10.0.0.9`. */
  readonly address: string;
  /** The address that every guest of the snapshot has: `192.168.241.2`. */
  readonly guestAddress: string;
  readonly nsVeth: string;
  readonly tap: string;
  readonly publish: readonly PublishedPort[];
  /** What the guest may open connections to, in the form of model/egress.ts. */
  readonly egress: readonly string[];
  /** The bridge's own address with prefix. Left out: it is not known, and the rules name neither the droplet nor other clones. */
  readonly bridgeAddress?: string | undefined;
  /** Ports of the droplet that the guest reaches: `8080/tcp`. */
  readonly services: readonly string[];
  /** The guest reaches no other clone. */
  readonly isolated: boolean;
  /** The name servers that the guest's image may name: the one on the droplet answers in their place. */
  readonly nameservers: readonly string[];
  /** Connections that the guest may have open at once. */
  readonly connections: number;
  /** Connections that the guest may open per second. */
  readonly newConnections: number;
  readonly owner: string;
}

/** The table's name inside every clone's namespace. */
export const NAT_TABLE = "hornet";

/** The order of rules decides, so they come in steps: what is never reached, what is declared, what is private, the rest. */
const REFUSE = "reject with icmp admin-prohibited";

/**
 * One clone's table: SNAT out, DNAT in, forwarding only for the guest's own address and only to what is declared.
 *
 * Both nat chains are always there: nft translates the return path only for hooks that have a chain. The guest's packets to
 * a cloud's metadata service end here, because outside it serves the droplet's own credentials; the VMM answers the guest's
 * own metadata requests before they come here.
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

/** Whether a spec declares that nothing is closed. */
function isOpen({ egress }: NatSpec): boolean {
  return egress.includes("everything");
}

/** What is refused before anything else, but for a metadata address that is declared by itself. */
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
  /** It names the bridge's own address alone. */
  readonly isDroplet: boolean;
  /** It names one metadata address alone. */
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

/** The guest's own packets: from its own address, so that it cannot speak for another. */
function outboundOf({ guestAddress, nsVeth, tap }: NatSpec): string {
  return `iifname "${tap}" oifname "${nsVeth}" ip saddr ${guestAddress}`;
}

/** The droplet's name server at the bridge's address, where the guest's egress names hosts. */
function nameServerOf({ egress, bridgeAddress, owner }: NatSpec): string | undefined {
  if (bridgeAddress === undefined || !namesIn(egress)) return undefined;
  return `${bridgeAddress.replace(/\/.*/, "")}:${namesPort(owner)}`;
}

/**
 * The guest's queries to the name servers that its image may name go to the one on the droplet. A query to any other address is
 * refused like every connection that nobody declared.
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

/** One guest's share of the tables that the kernel keeps for all: tracked connections, and the work of opening them. */
function limitRules({ tap, connections, newConnections }: NatSpec): NftRule[] {
  const fresh = `iifname "${tap}" ct state new`;
  return [
    {
      label: "new connections",
      text: `${fresh} limit rate over ${newConnections}/second burst ${newConnections} packets drop`,
    },
    { label: "connections", text: `${fresh} ct count over ${connections} drop` },
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
      ...services.map((text) => accept(`service ${text}`, ` ip daddr ${droplet}${portMatch(servicePorts(text))}`)),
      ...networks.filter(({ isDroplet }) => isDroplet).map(plain),
      accept("ping", ` ip daddr ${droplet} icmp type echo-request`),
      // A declared network that the bridge's address lies in does not open the droplet's own ports, ssh's among them.
      refuse("the droplet", ` ip daddr ${droplet}`),
    );
    if (!isolated) rules.push(accept("other clones", ` ip daddr ${networkText(bridge)}`));
  }
  rules.push(...networks.filter(({ isDroplet, isMetadata }) => !isDroplet && !isMetadata).map(plain));
  const internet = [...new Set(spec.egress)].filter((text) => egressEntry(text).kind === "internet");
  const named = nameServerOf(spec) !== undefined;
  if (internet.length > 0 || named) {
    rules.push(refuse("private networks", ` ip daddr { ${PRIVATE_NETWORKS.join(", ")} }`));
    // A bridge's network may be none of these.
    if (bridge !== undefined) rules.push(refuse("the bridge's network", ` ip daddr ${networkText(bridge)}`));
    rules.push(...internet.map((text) => accept(`egress to ${text}`, portMatch(egressEntry(text).ports))));
  }
  // Which addresses names have, the droplet knows: its table (names.ts) accepts those, and refuses all others.
  if (named) return [...rules, accept("egress to names", "")];
  return [...rules, refuse("egress elsewhere", "")];
}

/**
 * What may open connections to the guest: the droplet itself, through which the operator comes; others only to published
 * ports. A neighbour of the droplet that routed the bridge's network there reached every clone's ssh.
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
