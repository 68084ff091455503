/** All names and addresses of a clone, derived from its id. No other module makes names. */
import { defaults } from "./defaults";
import { cidrOf, formatAddress, lastHost, nthHost } from "./addresses";

/** Everything about one clone that follows from its id and the spec. */
export interface ClonePlan {
  readonly id: number;
  /** The clone's name: its host name, its key in outputs, the last part of its runtime directory. */
  readonly name: string;
  /** The network namespace, a file of that name in /run/netns. */
  readonly namespace: string;
  /** The end of the veth pair that is a port of the bridge. */
  readonly hostVeth: string;
  /** The end of the veth pair inside the namespace. */
  readonly nsVeth: string;
  readonly tap: string;
  /** MAC of the tap's host side, the same for every clone: it is in the guest's ARP cache in the snapshot. */
  readonly tapMac: string;
  /** The clone's address on the bridge's network. */
  readonly address: string;
  /** Length of the bridge network's prefix. */
  readonly prefix: number;
  /** The bridge's own address. */
  readonly gateway: string;
  /** Address and prefix of the tap inside the namespace. */
  readonly tapAddress: string;
  /** The guest's address inside the namespace, the same for every clone. */
  readonly guestAddress: string;
  readonly runtimeDir: string;
}

/** The parts of a config from which Hornet derives names and addresses. */
export interface NamingSpec {
  /** firstId: the clone that gets the first free address of the bridge's network. Default: 0 */
  readonly bridge: { readonly address: string; readonly firstId?: number };
  readonly guest: { readonly address: string; readonly tap: string; readonly tapName: string; readonly tapMac: string };
  readonly fleet: { readonly count: number; readonly startId: number };
  readonly vmm: { readonly runtimeDir: string };
}

/** The first clone gets the second host address of the network, as the bridge usually has the first one. */
const FIRST_HOST = 2;

/** The name of the fleet of `hornet:droplet`, whose resources have no prefix. */
export const ONLY_FLEET = "fleet";

/** A resource of a fleet; `fleet` is its droplet's key in `hornet:droplets`, undefined for the fleet of `hornet:droplet`. */
export function resourceName(fleet: string | undefined, part: string): string {
  return fleet === undefined ? part : `${fleet}-${part}`;
}

/** The name of the droplet of `hornet:droplet` in the ssh_config. */
export const DROPLET_ALIAS = "droplet";

/** `vm7`: the name of the clone and of its namespace. */
export function cloneName(id: number): string {
  return `vm${id}`;
}

/** `veth7h`: the clone's port on the bridge. */
export function hostVethName(id: number): string {
  return `veth${id}h`;
}

/** The id whose clone gets the n-th host address of the bridge's network; below firstId for the first ones, which no clone gets. */
export function idOfHost(n: number, firstId = 0): number {
  return n - FIRST_HOST + firstId;
}

/** The highest id that has an address in a network with this prefix; below firstId if none has. */
export function lastId(prefix: number, firstId = 0): number {
  return idOfHost(lastHost(prefix), firstId);
}

/** The clone's address on the bridge's network. Throws a RangeError if the network is too small for the id. */
export function cloneAddress({ address, firstId = 0 }: NamingSpec["bridge"], id: number): string {
  return nthHost(cidrOf(address), id - firstId + FIRST_HOST);
}

/** Ids in a block of {@link ownStartId}. */
const BLOCK = 256;
/** Blocks: the last one ends below the highest id. */
const BLOCKS = 65_000;

/**
 * The first id of a droplet that declares none, in a stack of several. It derives from the droplet's name alone, so that
 * neither another droplet nor another count moves a clone: Pulumi hands over a config's keys in alphabetical order, and a new
 * droplet may be the first. In one of 1400 stacks of ten droplets two share a block; the config then asks for a startId.
 */
export function ownStartId(droplet: string): number {
  return (fnv1a(droplet) % BLOCKS) * BLOCK;
}

/** FNV-1a in 32 bits. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}

/** The ids of a fleet, in order. */
export function fleetIds(fleet: NamingSpec["fleet"]): readonly number[] {
  return Array.from({ length: fleet.count }, (_, index) => fleet.startId + index);
}

/** Names and addresses of the clone with this id. Throws a RangeError on an id that is not a whole number or has no address. */
export function planClone(spec: NamingSpec, id: number): ClonePlan {
  if (!Number.isSafeInteger(id) || id < 0) throw new RangeError(`${id} is not the id of a clone`);
  const bridge = cidrOf(spec.bridge.address);
  const name = cloneName(id);
  return {
    id,
    name,
    namespace: name,
    hostVeth: hostVethName(id),
    nsVeth: defaults.nsVeth,
    tap: spec.guest.tapName,
    tapMac: spec.guest.tapMac,
    address: cloneAddress(spec.bridge, id),
    prefix: bridge.prefix,
    gateway: formatAddress(bridge.address),
    tapAddress: spec.guest.tap,
    guestAddress: spec.guest.address,
    runtimeDir: `${spec.vmm.runtimeDir}/${name}`,
  };
}

/** The whole fleet, by id. */
export function planFleet(spec: NamingSpec): readonly ClonePlan[] {
  return fleetIds(spec.fleet).map((id) => planClone(spec, id));
}
