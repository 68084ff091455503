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
  /** Networks that the guest may open connections to; undefined means all. */
  readonly egress: readonly string[] | undefined;
  readonly owner: string;
}

/** The table's name inside every clone's namespace. */
export const NAT_TABLE = "hornet";

/**
 * One clone's table: SNAT out, DNAT in, forwarding only for the guest's own address.
 *
 * Both nat chains are always there: nft translates the return path only for hooks that have a chain. The guest's way to
 * link-local addresses ends here, because 169.254.169.254 outside belongs to the cloud the droplet runs in, and its
 * metadata holds the droplet's own credentials; the VMM answers the guest's metadata requests before they come here.
 */
export function natTable(spec: NatSpec): NftTable {
  const { address, guestAddress, nsVeth, tap, publish, egress, owner } = spec;
  const inbound = `iifname "${nsVeth}" ip daddr ${address}`;
  const outbound = `iifname "${tap}" oifname "${nsVeth}" ip saddr ${guestAddress}`;
  const published: NftRule[] = publish.map(({ port, guestPort, protocol }) => ({
    label: `publish ${protocol} ${port}`,
    text: `${inbound} ${protocol} dport ${port} dnat to ${guestAddress}:${guestPort ?? port}`,
  }));
  const allowed: NftRule[] =
    egress === undefined
      ? [{ label: "egress", text: `${outbound} accept` }]
      : egress.map((network) => ({ label: `egress to ${network}`, text: `${outbound} ip daddr ${network} accept` }));
  return {
    name: NAT_TABLE,
    owner,
    chains: [
      {
        name: "prerouting",
        base: "type nat hook prerouting priority dstnat; policy accept;",
        rules: [...published, { label: "DNAT", text: `${inbound} dnat to ${guestAddress}` }],
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
          { label: "no host metadata", text: `iifname "${tap}" ip daddr 169.254.0.0/16 drop` },
          ...allowed,
          { label: "ingress", text: `iifname "${nsVeth}" oifname "${tap}" ip daddr ${guestAddress} accept` },
        ],
      },
    ],
  };
}
