import { createHash } from "node:crypto";
import type { NftChain, NftTable } from "./nft";
import type { Observed, ObservedLink } from "../../model/observed";
import { ownerId } from "../../model/owner";

/** The declared bridge of a droplet. */
export interface BridgeSpec {
  readonly name: string;
  /** The bridge's own address with prefix: `10.0.0.1/24`. */
  readonly address: string;
  /** The bridge network: `10.0.0.0/24`. */
  readonly network: string;
  /** The interface whose traffic is masqueraded, or `auto`: every interface but the bridge. */
  readonly uplink: string;
  /** Clones reach no other address of the droplet than the bridge's own. */
  readonly closed: boolean;
  /** Ports of the droplet's own addresses that lead to clones. */
  readonly forwards: readonly Forward[];
  readonly owner: string;
}

/** A port of the droplet's own addresses that leads to a clone's port of that number. */
export interface Forward {
  readonly port: number;
  readonly protocol: "tcp" | "udp";
  /** The clone's address: `10.0.0.9`. */
  readonly address: string;
}

/** The steps that make the bridge as declared. */
export interface BridgePlan {
  readonly drift: readonly string[];
  /** Lines for `ip -batch -`. */
  readonly host: readonly string[];
  /** The bridge does not have the address yet. */
  readonly addAddress: boolean;
  readonly enableForwarding: boolean;
}

/**
 * The fixed MAC address of Hornet's bridge. Without one the kernel gives a bridge the lowest MAC address of its ports: it
 * changes with every clone that comes or goes, while neighbours keep the old one in their ARP caches. The address derives
 * from the name alone, so that it stays when another stack takes the bridge over.
 */
export function bridgeMac(name: string): string {
  const digest = createHash("sha256").update(name).digest("hex");
  return `02:fc:${digest.slice(0, 2)}:${digest.slice(2, 4)}:${digest.slice(4, 6)}:${digest.slice(6, 8)}`;
}

/**
 * Compares the bridge with what is declared.
 *
 * @param adopted the bridge existed before Hornet: its alias and MAC address stay as they are
 */
export function planBridge(spec: BridgeSpec, observed: Observed, adopted: boolean): BridgePlan {
  const drift: string[] = [];
  const host: string[] = [];
  const mac = bridgeMac(spec.name);
  const named = observed.links.find(({ name }) => name === spec.name);
  const isOurs = (link: ObservedLink): boolean =>
    link.kind === "bridge" && link.mac === mac && link.alias === spec.owner;
  const seen = named ?? observed.links.find(isOurs);
  if (seen === undefined) {
    drift.push(`bridge ${spec.name} missing`);
    host.push(`link add ${spec.name} address ${mac} type bridge`);
  } else if (named === undefined) {
    drift.push(`bridge ${spec.name} was renamed to ${seen.name}`);
    host.push(`link set ${seen.name} down`, `link set ${seen.name} name ${spec.name}`);
  }
  // Neither our owner label nor our MAC address: somebody replaced our bridge, and Hornet adopts theirs.
  const replaced = !adopted && named !== undefined && named.alias !== spec.owner && named.mac !== mac;
  if (replaced) drift.push(`${spec.name} was replaced by another bridge`);
  const ours = !adopted && !replaced;
  if (ours && seen?.alias !== spec.owner) {
    if (seen !== undefined) drift.push(`${spec.name} lost its owner label`);
    host.push(`link set ${spec.name} alias ${spec.owner}`);
  }
  if (ours && seen !== undefined && seen.mac !== mac) {
    drift.push(`${spec.name} has another MAC address`);
    host.push(`link set ${spec.name} address ${mac}`);
  }
  const addAddress = seen?.addresses.includes(spec.address) !== true;
  if (addAddress) {
    if (seen !== undefined) drift.push(`address ${spec.address} missing on ${spec.name}`);
    host.push(`addr replace ${spec.address} dev ${spec.name}`);
  }
  if (seen?.up !== true || named === undefined) {
    if (seen?.up === false) drift.push(`${spec.name} down`);
    host.push(`link set ${spec.name} up`);
  }
  if (!observed.forwarding) drift.push("IPv4 forwarding off");
  return { drift, host, addAddress, enableForwarding: !observed.forwarding };
}

/** The name of a bridge's table in the droplet's own namespace; two stacks on one bridge have one each. */
export function bridgeTableName(owner: string, bridge: string): string {
  return `hornet_${ownerId(owner)}_${bridge}`;
}

/**
 * The packets of Hornet's clones, by the first two bytes of their MAC addresses (model/macs.ts): on an adopted bridge there
 * may be other ports, and no guest can send from another address, because its namespace routes.
 */
const FROM_CLONES = "ether saddr & ff:ff:00:00:00:00 == 06:fc:00:00:00:00";

/**
 * Refuses connections of clones to the droplet's other addresses. It comes before destination NAT, because a port that Docker
 * publishes on such an address leads into a container. A clone's other rules are in its namespace; this one is here because
 * a namespace does not know the droplet's addresses. A reject before routing needs Linux 5.9; systems with nft 0.9.8, which
 * Preflight requires, have a later one.
 */
function closedChain({ name, address }: BridgeSpec): NftChain {
  const bridge = address.replace(/\/.*/, "");
  const droplet = `ct direction original ip daddr != ${bridge} fib daddr type local`;
  const text = `iifname "${name}" ${FROM_CLONES} ${droplet} reject with icmp admin-prohibited`;
  return {
    name: "closed",
    base: "type filter hook prerouting priority dstnat - 10; policy accept;",
    rules: [{ label: "the droplet's other addresses", text }],
  };
}

function forwardsChain({ name, uplink, forwards }: BridgeSpec): NftChain {
  const from = uplink === "auto" ? `iifname != "${name}"` : `iifname "${uplink}"`;
  return {
    name: "prerouting",
    base: "type nat hook prerouting priority dstnat; policy accept;",
    rules: forwards.map(({ port, protocol, address }) => ({
      label: `publish ${protocol} ${port}`,
      text: `${from} fib daddr type local ${protocol} dport ${port} dnat to ${address}`,
    })),
  };
}

/**
 * Masquerades what leaves the bridge network. There is no rule that accepts forwarded traffic: nft judges every base chain,
 * so an accept here does not override a drop in another program's chain. Preflight reports a droplet whose firewall drops
 * forwarded traffic.
 */
export function bridgeTable(spec: BridgeSpec): NftTable {
  const out = spec.uplink === "auto" ? `oifname != "${spec.name}"` : `oifname "${spec.uplink}"`;
  return {
    name: bridgeTableName(spec.owner, spec.name),
    owner: spec.owner,
    chains: [
      ...(spec.closed ? [closedChain(spec)] : []),
      ...(spec.forwards.length > 0 ? [forwardsChain(spec)] : []),
      {
        name: "postrouting",
        base: "type nat hook postrouting priority srcnat; policy accept;",
        rules: [
          {
            label: "masquerade",
            text: `ip saddr ${spec.network} ip daddr != ${spec.network} ${out} masquerade`,
          },
        ],
      },
    ],
  };
}
