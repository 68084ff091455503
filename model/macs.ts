import { cidrOf } from "./addresses";

/**
 * The fixed MAC addresses of a clone's veth pair, derived from its address: a clone that is made again keeps them, so that
 * neighbours' ARP caches stay valid. Locally administered (second bit of the first byte).
 *
 * @param address the clone's address with prefix: `10.0.0.9/24`
 */
export function vethMacs(address: string): { readonly host: string; readonly inside: string } {
  const hex = cidrOf(address).address.toString(16).padStart(8, "0");
  const tail = [0, 2, 4, 6].map((at) => hex.slice(at, at + 2)).join(":");
  return { host: `0a:fc:${tail}`, inside: `06:fc:${tail}` };
}
