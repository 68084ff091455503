import { run } from "./run";
import type { ProcessId } from "./state";

/** The addresses of the played Internet. All are reserved for documentation (RFC 5737), so none exists elsewhere. */
export const uplink = {
  /** The droplet's interface and address. */
  interface: "eth0",
  address: "198.51.100.2",
  prefix: 24,
  /** The other end of the wire, the droplet's default gateway. */
  gateway: "198.51.100.1",
  /** A server further out; `http://203.0.113.80/` answers with the client's address. */
  server: "203.0.113.80",
} as const;

function batch(netnsOf: ProcessId, lines: readonly string[]): Promise<string> {
  return run(["nsenter", `--net=/proc/${netnsOf.pid}/ns/net`, "ip", "-batch", "-"], `${lines.join("\n")}\n`);
}

/**
 * Connects the droplet's network namespace and the one of the played Internet by a veth pair. Neither end is ever in the
 * machine's own namespace. The far side has no route back except to the wire itself, so that it does not answer traffic that
 * the droplet does not masquerade, as on a rented server.
 */
export async function connectUplink(droplet: ProcessId, internet: ProcessId): Promise<void> {
  await batch(internet, [
    "link set lo up",
    `address add ${uplink.server}/32 dev lo`,
    // Fixed MAC addresses, so that two listings of the same droplet can be compared.
    `link add wan address 02:00:00:00:00:01 type veth peer name ${uplink.interface} address 02:00:00:00:00:02 netns ${droplet.pid}`,
    `address add ${uplink.gateway}/${uplink.prefix} dev wan`,
    "link set wan addrgenmode none up",
  ]);
  await batch(droplet, [
    "link set lo up",
    `address add ${uplink.address}/${uplink.prefix} dev ${uplink.interface}`,
    // IPv4 only: an IPv6 address would change its state for seconds after the droplet's start.
    `link set ${uplink.interface} addrgenmode none`,
    `link set ${uplink.interface} up`,
    `route add default via ${uplink.gateway}`,
  ]);
}
