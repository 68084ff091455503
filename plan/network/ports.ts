import type { PortRange } from "../../model/egress";

/** The part of a rule that matches ports, with a leading blank: ` tcp dport 80-90`. Empty for all ports. */
export function portMatch(ports: PortRange | undefined): string {
  if (ports === undefined) return "";
  const { first, last, protocol } = ports;
  const range = first === last ? String(first) : `${first}-${last}`;
  return protocol === undefined ? ` meta l4proto { tcp, udp } th dport ${range}` : ` ${protocol} dport ${range}`;
}
