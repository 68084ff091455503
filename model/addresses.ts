/**
 * IPv4 arithmetic. An address is an unsigned 32-bit number here and text everywhere else: functions for other modules return
 * dotted text.
 */

/** An interface's address and the length of its network's prefix. */
export interface Cidr {
  /** The address before the slash, as a number; it may have host bits. */
  readonly address: number;
  /** 0 to 32. */
  readonly prefix: number;
}

const OCTET = /^(0|[1-9][0-9]{0,2})$/;

/** The address as a number, or undefined if the text is no IPv4 address. Refuses leading zeros, which some tools read as octal. */
export function parseAddress(text: string): number | undefined {
  const octets = text.split(".");
  if (octets.length !== 4 || !octets.every((octet) => OCTET.test(octet) && Number(octet) <= 255)) return undefined;
  return octets.reduce((sum, octet) => sum * 256 + Number(octet), 0);
}

/** Dotted text of an address. Throws a RangeError if it is no unsigned 32-bit number. */
export function formatAddress(address: number): string {
  if (!Number.isInteger(address) || address < 0 || address > 0xffffffff) {
    throw new RangeError(`${address} is not an IPv4 address`);
  }
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join(".");
}

/** Parses `ADDRESS/PREFIX`; undefined if the text is malformed. */
export function parseCidr(text: string): Cidr | undefined {
  const [left = "", right = "", ...rest] = text.split("/");
  const address = parseAddress(left);
  if (address === undefined || rest.length > 0 || !OCTET.test(right) || Number(right) > 32) return undefined;
  return { address, prefix: Number(right) };
}

/** Like `parseCidr`, for text that a schema has accepted: throws a RangeError on anything else. */
export function cidrOf(text: string): Cidr {
  const cidr = parseCidr(text);
  if (cidr === undefined) throw new RangeError(`${JSON.stringify(text)} is not an IPv4 address with a prefix`);
  return cidr;
}

/** Number of addresses of the network, including its own and the broadcast address. */
export function sizeOf(prefix: number): number {
  return 2 ** (32 - prefix);
}

/** The network's first address, as a number. */
export function networkNumber(cidr: Cidr): number {
  // A modulus and not a mask: JavaScript's bit operators are signed, and a shift by 32 is a shift by 0.
  return cidr.address - (cidr.address % sizeOf(cidr.prefix));
}

/** The network's last address, as a number. */
export function broadcastNumber(cidr: Cidr): number {
  return networkNumber(cidr) + sizeOf(cidr.prefix) - 1;
}

/** The network's address, such as `10.0.0.0`. */
export function networkAddress(cidr: Cidr): string {
  return formatAddress(networkNumber(cidr));
}

/** The network's broadcast address, such as `10.0.0.255`. */
export function broadcastAddress(cidr: Cidr): string {
  return formatAddress(broadcastNumber(cidr));
}

/** The network as routes and rules name it: host bits cleared, such as `10.0.0.0/24`. */
export function networkText(cidr: Cidr): string {
  return `${networkAddress(cidr)}/${cidr.prefix}`;
}

/** The netmask for the kernel's `ip=` argument, such as `255.255.255.248`. */
export function netmask(prefix: number): string {
  return formatAddress(2 ** 32 - sizeOf(prefix));
}

/** Whether the address is in the network, including its first and last address. */
export function contains(cidr: Cidr, address: number): boolean {
  return address >= networkNumber(cidr) && address <= broadcastNumber(cidr);
}

/** Whether the two networks share an address. */
export function overlaps(a: Cidr, b: Cidr): boolean {
  return networkNumber(a) <= broadcastNumber(b) && networkNumber(b) <= broadcastNumber(a);
}

/** Whether an interface can have this address: it is neither the network's nor the broadcast address. */
export function isHost(cidr: Cidr, address: number): boolean {
  return address > networkNumber(cidr) && address < broadcastNumber(cidr);
}

/** The highest n for `nthHost`; below 1 if the network has no host addresses. */
export function lastHost(prefix: number): number {
  return sizeOf(prefix) - 2;
}

/** The n-th host address, counted from 1. Throws a RangeError if the network has fewer. */
export function nthHost(cidr: Cidr, n: number): string {
  if (!Number.isInteger(n) || n < 1 || n > lastHost(cidr.prefix)) {
    throw new RangeError(`${networkText(cidr)} has no host number ${n}, only 1 to ${lastHost(cidr.prefix)}`);
  }
  return formatAddress(networkNumber(cidr) + n);
}
