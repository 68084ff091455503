import type { Observed, ObservedLink, ObservedNamespace, ObservedRoute } from "../../model/observed";

/** What a clone's network is to be. */
export interface NamespaceSpec {
  /** The network namespace's name. */
  readonly namespace: string;
  readonly bridge: string;
  readonly hostVeth: string;
  readonly hostMac: string;
  readonly nsVeth: string;
  readonly nsMac: string;
  /** The clone's own address with the bridge network's prefix: `10.0.0.9/24`. */
  readonly address: string;
  readonly gateway: string;
  readonly isolated: boolean;
  readonly tap: string;
  readonly tapMac: string;
  /** `192.168.241.1/29` */
  readonly tapAddress: string;
  readonly owner: string;
}

/** What has to be done so that a clone's network is as declared. */
export interface NamespacePlan {
  /** In words what is missing or wrong; empty where all is as declared. */
  readonly drift: readonly string[];
  /** The namespace itself has to be made. */
  readonly addNamespace: boolean;
  /** Lines for `ip -n NAMESPACE -batch -` that must come before `host`. */
  readonly insideFirst: readonly string[];
  /** Lines for `ip -batch -` in the droplet's own namespace. */
  readonly host: readonly string[];
  /** IPv6 is to be refused again on every interface in it; in a new namespace it always is, before they come up. */
  readonly refuseIpv6?: true;
  /** Lines for `ip -n NAMESPACE -batch -`. */
  readonly inside: readonly string[];
}

/**
 * Compares a clone's network with what is declared and says how to get there. Creating is the case where nothing is
 * there yet, repairing any other; so a create that finds half of its own work completes it.
 *
 * The veth's inner end is made in its namespace under its final name: moving and renaming it costs RCU grace periods
 * and fails where several are made at once. Both ends and the tap have fixed MAC addresses, since neighbours keep
 * theirs in ARP caches (a guest's lives in its snapshot).
 */
export function planNamespace(spec: NamespaceSpec, observed: Observed): NamespacePlan {
  const drift: string[] = [];
  const host: string[] = [];
  const inside: string[] = [];
  const insideFirst: string[] = [];
  const exists = observed.namespaces.includes(spec.namespace);
  if (!exists) drift.push(`namespace ${spec.namespace} missing`);
  const within = exists ? observed.inside[spec.namespace] : undefined;
  const outer = observed.links.find(({ name }) => name === spec.hostVeth);
  const inner = within?.links.find(({ name }) => name === spec.nsVeth);
  planVeth(spec, outer, inner, { drift, host, insideFirst, fresh: !exists });
  // What is on an end that is made anew goes with the old one: all of it is set again.
  const kept = isWhole(outer, inner) ? inner : undefined;
  planInside(spec, within, kept, { drift, inside, fresh: !exists });
  const ipv6 = within?.ipv6 ?? [];
  if (ipv6.length > 0) drift.push(`${spec.namespace} accepts IPv6 on ${ipv6.join(", ")}`);
  const refuse = ipv6.length > 0 ? { refuseIpv6: true as const } : {};
  return { drift, addNamespace: !exists, insideFirst, host, ...refuse, inside };
}

/** A veth lives and dies as a pair, so where one end is missing the other one leads nowhere we know. */
function isWhole(outer: ObservedLink | undefined, inner: ObservedLink | undefined): boolean {
  return outer?.kind === "veth" && inner?.kind === "veth";
}

interface VethSink {
  readonly drift: string[];
  readonly host: string[];
  readonly insideFirst: string[];
  readonly fresh: boolean;
}

function planVeth(
  spec: NamespaceSpec,
  outer: ObservedLink | undefined,
  inner: ObservedLink | undefined,
  { drift, host, insideFirst, fresh }: VethSink,
): void {
  const { hostVeth, nsVeth, namespace, bridge } = spec;
  const whole = isWhole(outer, inner);
  if (!whole) {
    if (!fresh) drift.push(`veth pair ${hostVeth}/${nsVeth} missing`);
    if (outer !== undefined) host.push(`link del ${hostVeth}`);
    // The outer end was renamed or moved by somebody; deleting the inner one takes it along, wherever it is.
    if (outer === undefined && inner !== undefined) insideFirst.push(`link del ${nsVeth}`);
    host.push(
      `link add ${hostVeth} address ${spec.hostMac} type veth peer name ${nsVeth} address ${spec.nsMac} netns ${namespace}`,
    );
  }
  const seen = whole ? outer : undefined;
  const settings: readonly [boolean, string, string][] = [
    [seen?.alias === spec.owner, `${hostVeth} lost its owner mark`, `alias ${spec.owner}`],
    [seen?.mac === spec.hostMac, `${hostVeth} has another MAC address`, `address ${spec.hostMac}`],
    [seen?.master === bridge, `${hostVeth} is not a port of ${bridge}`, `master ${bridge}`],
    [seen?.isolated === spec.isolated, `${hostVeth} is ${spec.isolated ? "not " : ""}isolated`, ""],
    [seen?.up === true, `${hostVeth} down`, "up"],
  ];
  const wrong = settings.filter(([right]) => !right);
  if (seen !== undefined) drift.push(...wrong.map(([, words]) => words));
  const changes = wrong.map(([, , change]) => change).filter((change) => change !== "");
  const needed = changes.filter((change) => whole || !change.startsWith("address "));
  // The mark first and alone: `ip` sets nothing of a line that names a bridge which is not there, and a link without our
  // mark would not be taken away as ours.
  const mark = needed.filter((change) => change.startsWith("alias "));
  const rest = needed.filter((change) => !change.startsWith("alias "));
  for (const line of [mark, rest]) if (line.length > 0) host.push(`link set ${hostVeth} ${line.join(" ")}`);
  // Enslaving a port anew resets its flags, so isolation is set whenever the master was.
  if (seen?.isolated !== spec.isolated || seen.master !== bridge) {
    host.push(`link set ${hostVeth} type bridge_slave isolated ${spec.isolated ? "on" : "off"}`);
  }
}

function planInside(
  spec: NamespaceSpec,
  within: ObservedNamespace | undefined,
  inner: ObservedLink | undefined,
  { drift, inside, fresh }: { drift: string[]; inside: string[]; fresh: boolean },
): void {
  const say = (words: string): void => {
    if (!fresh) drift.push(words);
  };
  const lo = within?.links.find(({ name }) => name === "lo");
  if (lo?.up !== true || lo.alias !== spec.owner) {
    say(lo?.up === true ? "lo lost its owner mark" : "lo down");
    inside.push(`link set lo alias ${spec.owner} up`);
  }
  if (inner !== undefined && inner.mac !== spec.nsMac) {
    say(`${spec.nsVeth} has another MAC address`);
    inside.push(`link set ${spec.nsVeth} address ${spec.nsMac}`);
  }
  planAddresses(spec.nsVeth, spec.address, inner, { say, inside });
  if (inner?.up !== true) {
    if (inner !== undefined) say(`${spec.nsVeth} down`);
    inside.push(`link set ${spec.nsVeth} up`);
  }
  planRoute(spec, within, inner, { say, inside });
  planTap(spec, within, { say, inside });
}

interface Sink {
  readonly inside: string[];
  readonly say: (words: string) => void;
}

/** The namespace is ours alone, so an address that is not declared goes. */
function planAddresses(device: string, address: string, link: ObservedLink | undefined, { say, inside }: Sink): void {
  const present = link?.addresses ?? [];
  for (const other of present.filter((one) => one !== address)) {
    say(`${device} has a foreign address ${other}`);
    inside.push(`addr del ${other} dev ${device}`);
  }
  if (present.includes(address)) return;
  if (link !== undefined) say(`address ${address} missing on ${device}`);
  inside.push(`addr replace ${address} dev ${device}`);
}

function planRoute(
  spec: NamespaceSpec,
  within: ObservedNamespace | undefined,
  inner: ObservedLink | undefined,
  { say, inside }: Sink,
): void {
  const routes = within?.routes.filter(({ destination }) => destination === "default") ?? [];
  const defaults = routes.filter(({ device }) => inner !== undefined || device !== spec.nsVeth);
  const isRight = (one: ObservedRoute): boolean => one.gateway === spec.gateway && one.device === spec.nsVeth;
  const right = defaults.filter(isRight);
  // A link that was down, or whose address goes, loses its routes without a word; so whatever touched it sets the route.
  const stable = inner?.up === true && inner.addresses.includes(spec.address);
  if (right.length === 1 && stable && defaults.length === 1) return;
  if (inner !== undefined) say(defaults.length === 0 ? "default route missing" : "default route changed");
  // The right one twice differs in its metric; both go then, or the replacement would be a third one beside them.
  const wrong = defaults.filter((one) => right.length > 1 || !isRight(one));
  // Before all else: a route goes with the address that leads to its gateway, and what is gone cannot be deleted.
  inside.unshift(
    ...wrong.map(({ gateway, device }) =>
      gateway === "" ? `route del default dev ${device}` : `route del default via ${gateway} dev ${device}`,
    ),
  );
  inside.push(`route replace default via ${spec.gateway} dev ${spec.nsVeth}`);
}

/**
 * The tap is persistent and ours: a VMM that finds no tap of that name makes one without an address, and its guest is
 * cut off in silence. A tap of the wrong kind is such a one.
 */
function planTap(spec: NamespaceSpec, within: ObservedNamespace | undefined, { say, inside }: Sink): void {
  const seen = within?.links.find(({ name }) => name === spec.tap);
  // Of an operation that gave it another name and was cut off: what has both our MAC address and our address is ours.
  for (const { name, kind, mac, addresses } of within?.links ?? []) {
    if (name === spec.tap || kind !== "tun" || mac !== spec.tapMac || !addresses.includes(spec.tapAddress)) continue;
    say(`${name} stands for ${spec.tap}`);
    inside.push(`link del ${name}`);
  }
  const usable = seen?.kind === "tun" && seen.persistent;
  if (!usable) {
    if (within !== undefined) say(`${spec.tap} missing`);
    if (seen !== undefined) inside.push(`link del ${spec.tap}`);
    inside.push(`tuntap add dev ${spec.tap} mode tap`, `link set ${spec.tap} address ${spec.tapMac} up`);
    inside.push(`addr replace ${spec.tapAddress} dev ${spec.tap}`);
    return;
  }
  if (seen.mac !== spec.tapMac) {
    say(`${spec.tap} has another MAC address`);
    inside.push(`link set ${spec.tap} address ${spec.tapMac}`);
  }
  planAddresses(spec.tap, spec.tapAddress, seen, { say, inside });
  if (!seen.up) {
    say(`${spec.tap} down`);
    inside.push(`link set ${spec.tap} up`);
  }
}
