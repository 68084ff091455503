/** Rules about addresses: the bridge's network, the clones in it, and the guests' network that all clones share. */
import { type Cidr, cidrOf, formatAddress, networkNumber, networkText, nthHost, overlaps } from "../../model/addresses";
import { neighbourProblem, overlapProblem } from "../../model/contradictions";
import { cloneName, idOfHost, lastId } from "../../model/names";
import { finding, type Finding, rule, type Rule } from "./rule";
import type { ConfigShape } from "../schema";

const BRIDGE = ["bridge", "address"];
const TAP = ["guest", "tap"];
const GUEST = ["guest", "address"];
const COUNT = ["fleet", "count"];
const START = ["fleet", "startId"];
const FIRST = ["bridge", "firstId"];
const CLONES = ["clones"];
const SSH_PORT = ["droplet", "port"];
const WIDEST = 8;
/** Networks to suggest, with the shortest prefix that stays in private addresses; no two of a size overlap. */
const PRIVATE = [
  { network: "10.0.0.0", least: 8 },
  { network: "10.128.0.0", least: 9 },
  { network: "192.168.0.0", least: 16 },
];

export const networkRules: readonly Rule[] = [
  rule("every clone must have an address in the bridge's network", [BRIDGE, FIRST, COUNT, START], roomFindings),
  rule(
    "no clone may have an id below that of the network's first clone",
    [FIRST, COUNT, START],
    ({ bridge, fleet }) => {
      if (fleet.count === 0 || fleet.startId >= bridge.firstId) return [];
      const problem = `is ${bridge.firstId}, but the fleet's first clone is ${cloneName(fleet.startId)}`;
      return [finding(FIRST, problem, fleet.startId)];
    },
  ),
  rule("no clone may get the bridge's own address", [BRIDGE, FIRST, COUNT, START], ({ bridge, fleet }) => {
    const cidr = cidrOf(bridge.address);
    const id = idOfHost(cidr.address - networkNumber(cidr), bridge.firstId);
    if (id < fleet.startId || id >= fleet.startId + fleet.count) return [];
    const problem = `clone ${cloneName(id)} would get ${formatAddress(cidr.address)}, the bridge's own address`;
    return [finding(BRIDGE, problem, `${nthHost(cidr, 1)}/${cidr.prefix}`)];
  }),
  rule("the bridge's network and the guests' must not overlap", [BRIDGE, TAP], ({ bridge, guest }) => {
    const networks = overlapProblem(bridge.address, guest.tap);
    if (networks === undefined) return [];
    const problem = `${networks} (hornet:guest.tap); the guests' is part of the snapshot, so move the bridge's`;
    return [finding(BRIDGE, problem, freeBridgeAddress(cidrOf(bridge.address).prefix, cidrOf(guest.tap)))];
  }),
  rule("the guests' address must be a host's in the tap's network, and not the tap's", [GUEST, TAP], ({ guest }) => {
    const problem = neighbourProblem(guest.address, guest.tap, "the tap");
    if (problem === undefined) return [];
    const tap = cidrOf(guest.tap);
    const free = tap.address - networkNumber(tap) === 1 ? 2 : 1;
    return [finding(GUEST, `${problem} (hornet:guest.tap)`, nthHost(tap, free))];
  }),
  rule(
    "a port of the droplet's own addresses must lead to one clone, and not be its sshd's",
    [CLONES, SSH_PORT],
    uplinkFindings,
  ),
];

/** The kernel would send the operator's own connections to the guest. */
function uplinkFindings({ clones, droplet }: ConfigShape): readonly Finding[] {
  const taken = new Map<string, string>();
  return Object.entries(clones).flatMap(([id, { publish }]) =>
    publish.flatMap(({ port, protocol, on }, at) => {
      if (on !== "uplink") return [];
      const key = `${port}/${protocol}`;
      const holder = key === `${droplet?.port ?? 22}/tcp` ? "the droplet's sshd" : taken.get(key);
      taken.set(key, cloneName(Number(id)));
      if (holder === undefined) return [];
      return [
        finding(
          ["clones", id, "publish", at, "port"],
          `${key} on the droplet is that of ${holder} already`,
          port + 8000,
        ),
      ];
    }),
  );
}

function roomFindings({ bridge, fleet, guest }: ConfigShape): readonly Finding[] {
  const cidr = cidrOf(bridge.address);
  const { firstId } = bridge;
  const last = fleet.startId + fleet.count - 1;
  const highest = lastId(cidr.prefix, firstId);
  // Another rule finds a startId below firstId.
  if (fleet.count === 0 || fleet.startId < firstId || last <= highest) return [];
  const fit = Math.max(0, highest - fleet.startId + 1);
  const wider = widerPrefix(cidr.prefix, last - firstId);
  const [ids, verb] =
    fleet.count === 1
      ? [`a clone with id ${last}`, "does"]
      : [`${fleet.count} clones with ids ${fleet.startId} to ${last}`, "do"];
  const held = `it has room for ids ${firstId} to ${highest}, so ${fit} of these`;
  const room = `${ids} ${verb} not fit into ${networkText(cidr)}: ${held}`;
  if (wider === undefined) {
    const most = Math.min(fleet.count, highest - firstId + 1);
    const value = { count: most, startId: firstId };
    return [{ at: COUNT, problem: `${room}; no prefix would do`, example: { at: ["fleet"], value } }];
  }
  const moved = `${nthHost({ ...cidr, prefix: wider }, 1)}/${wider}`;
  const guests = cidrOf(guest.tap);
  const value = overlaps(cidrOf(moved), guests) ? freeBridgeAddress(wider, guests) : moved;
  return [{ at: COUNT, problem: `${room}; a /${wider} would do`, example: { at: BRIDGE, value } }];
}

/** The longest prefix, shorter than this one, whose network has an address for the id. */
function widerPrefix(prefix: number, id: number): number | undefined {
  for (let wider = prefix - 1; wider >= WIDEST; wider--) {
    if (lastId(wider) >= id) return wider;
  }
  return undefined;
}

/** The bridge's address in a private network that is not the guests': of that size, or smaller where that is needed. */
function freeBridgeAddress(prefix: number, guests: Cidr): string {
  const free = PRIVATE.filter(({ least }) => prefix >= least)
    .map(({ network }) => cidrOf(`${network}/${prefix}`))
    .find((candidate) => !overlaps(candidate, guests));
  return free === undefined ? freeBridgeAddress(prefix + 1, guests) : `${nthHost(free, 1)}/${prefix}`;
}
