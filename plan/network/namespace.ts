import type { Observed, ObservedLink, ObservedNamespace, ObservedRoute } from "../../model/observed";

/** The declared network of a clone. */
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

/** The steps that make a clone's network as declared. */
export interface NamespacePlan {
  /** Messages for the user; empty where all is as declared. */
  readonly drift: readonly string[];
  /** The namespace does not exist yet. */
  readonly addNamespace: boolean;
  /** Lines for `ip -n NAMESPACE -batch -` that must come before `host`. */
  readonly insideFirst: readonly string[];
  /** Lines for `ip -batch -` in the droplet's own namespace. */
  readonly host: readonly string[];
  /** Disable IPv6 again on every interface in the namespace. A new namespace gets it in any case, before links are up. */
  readonly refuseIpv6?: true;
  /** Lines for `ip -n NAMESPACE -batch -`. */
  readonly inside: readonly string[];
}

/**
 * Compares a clone's network with the declaration and plans the steps. To create is to repair where nothing exists, so a
 * create that finds half of its work completes it.
 *
 * The kernel makes the veth's inner end in its namespace under its final name: moving and renaming it costs RCU grace periods
 * and fails where several are made at once. Both ends and the tap have fixed MAC addresses, because neighbours keep them in
 * ARP caches (a guest's cache is part of its snapshot).
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
  // A new end starts without the settings of the old one, so all of them are set again.
  const kept = isWhole(outer, inner) ? inner : undefined;
  planInside(spec, within, kept, { drift, inside, fresh: !exists });
  const ipv6 = within?.ipv6 ?? [];
  if (ipv6.length > 0) drift.push(`${spec.namespace} accepts IPv6 on ${ipv6.join(", ")}`);
  const refuse = ipv6.length > 0 ? { refuseIpv6: true as const } : {};
  return { drift, addNamespace: !exists, insideFirst, host, ...refuse, inside };
}

/** The kernel deletes a veth pair as one: where an end is missing, it was renamed or moved, and the pair is made again. */
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
    // Somebody renamed or moved the outer end; deleting the inner one deletes it too, wherever it is.
    if (outer === undefined && inner !== undefined) insideFirst.push(`link del ${nsVeth}`);
    host.push(
      `link add ${hostVeth} address ${spec.hostMac} type veth peer name ${nsVeth} address ${spec.nsMac} netns ${namespace}`,
    );
  }
  const seen = whole ? outer : undefined;
  const settings: readonly [boolean, string, string][] = [
    [seen?.alias === spec.owner, `${hostVeth} lost its owner label`, `alias ${spec.owner}`],
    [seen?.mac === spec.hostMac, `${hostVeth} has another MAC address`, `address ${spec.hostMac}`],
    [seen?.master === bridge, `${hostVeth} is not a port of ${bridge}`, `master ${bridge}`],
    [seen?.isolated === spec.isolated, `${hostVeth} is ${spec.isolated ? "not " : ""}isolated`, ""],
    [seen?.up === true, `${hostVeth} down`, "up"],
  ];
  const wrong = settings.filter(([right]) => !right);
  if (seen !== undefined) drift.push(...wrong.map(([, message]) => message));
  const changes = wrong.map(([, , change]) => change).filter((change) => change !== "");
  const needed = changes.filter((change) => whole || !change.startsWith("address "));
  // The owner label comes first, in a separate line: `ip` sets nothing of a line that names a missing bridge, and Hornet
  // would not remove a link without the label.
  const label = needed.filter((change) => change.startsWith("alias "));
  const rest = needed.filter((change) => !change.startsWith("alias "));
  for (const line of [label, rest]) if (line.length > 0) host.push(`link set ${hostVeth} ${line.join(" ")}`);
  // A change of the master resets the port's flags, so isolation is set whenever the master is.
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
  const say = (message: string): void => {
    if (!fresh) drift.push(message);
  };
  const lo = within?.links.find(({ name }) => name === "lo");
  if (lo?.up !== true || lo.alias !== spec.owner) {
    say(lo?.up === true ? "lo lost its owner label" : "lo down");
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
  readonly say: (message: string) => void;
}

/** The namespace belongs to Hornet alone, so an undeclared address is removed. */
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
  // The kernel silently drops the routes of a link that goes down or loses its address, so the route is set again then.
  const stable = inner?.up === true && inner.addresses.includes(spec.address);
  if (right.length === 1 && stable && defaults.length === 1) return;
  if (inner !== undefined) say(defaults.length === 0 ? "default route missing" : "default route changed");
  // Two right ones differ in their metric. Both are deleted, or the replacement would be a third one beside them.
  const wrong = defaults.filter((one) => right.length > 1 || !isRight(one));
  // First of all: the kernel deletes a route with the address that leads to its gateway, and then `route del` would fail.
  inside.unshift(
    ...wrong.map(({ gateway, device }) =>
      gateway === "" ? `route del default dev ${device}` : `route del default via ${gateway} dev ${device}`,
    ),
  );
  inside.push(`route replace default via ${spec.gateway} dev ${spec.nsVeth}`);
}

/**
 * The tap is persistent, and Hornet makes it: a VMM that finds no tap of that name makes one without an address, and its
 * guest has no network. A tap that is not persistent is such a one.
 */
function planTap(spec: NamespaceSpec, within: ObservedNamespace | undefined, { say, inside }: Sink): void {
  const seen = within?.links.find(({ name }) => name === spec.tap);
  // An operation that renamed the tap was cut off: a tap with both our MAC address and our address is ours.
  for (const { name, kind, mac, addresses } of within?.links ?? []) {
    if (name === spec.tap || kind !== "tun" || mac !== spec.tapMac || !addresses.includes(spec.tapAddress)) continue;
    say(`${name} has the addresses of ${spec.tap}`);
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
