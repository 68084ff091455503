/**
 * Values that are each valid, but contradict each other. Each function returns the problem of its first argument, as the rest of
 * a sentence, or undefined. Config checks a whole fleet with them, a provider the arguments of one resource.
 */
import { cidrOf, contains, isHost, networkText, overlaps, parseAddress } from "./addresses";
import { ratesSchema, type Rates } from "./arguments/limits";

/** An address that must be a host's in the network of an interface, and not that interface's. */
export function neighbourProblem(address: string, interfaceAddress: string, owner: string): string | undefined {
  const [number, network] = [parseAddress(address) ?? -1, cidrOf(interfaceAddress)];
  if (!contains(network, number)) return `${address} is not in ${networkText(network)}, ${owner}'s network`;
  if (number === network.address) return `${address} is ${owner}'s own address`;
  return isHost(network, number)
    ? undefined
    : `${address} is the network's or the broadcast address of ${networkText(network)}, ${owner}'s network`;
}

/** The network of the clones, from the address of an interface in it, and the guests' network. */
export function overlapProblem(address: string, tapAddress: string): string | undefined {
  const [clones, guests] = [cidrOf(address), cidrOf(tapAddress)];
  return overlaps(clones, guests)
    ? `${networkText(clones)} overlaps ${networkText(guests)}, the guests' network`
    : undefined;
}

export function uplinkProblem(uplink: string, bridge: string): string | undefined {
  return uplink === bridge ? `is ${uplink}, the bridge itself` : undefined;
}

export function tapProblem(tap: string, nsVeth: string): string | undefined {
  return tap === nsVeth ? `is ${tap}, the name of the other interface in its namespace` : undefined;
}

export function guestMacProblem(guestMac: string, tapMac: string): string | undefined {
  return guestMac === tapMac ? `is ${guestMac}, the tap's own` : undefined;
}

/** Hornet sweeps both folders, so neither may contain the other. */
export function foldersProblem(runtimeDir: string, dir: string): string | undefined {
  return isWithin(runtimeDir, dir) || isWithin(dir, runtimeDir)
    ? `${runtimeDir} and ${dir}, the folder of the snapshots, lie within each other`
    : undefined;
}

/** @param own Hornet's folders */
export function metricsFolderProblem(folder: string, own: readonly string[]): string | undefined {
  const holder = own.find((dir) => isWithin(folder, dir));
  return holder && `is ${folder}, and ${holder} is Hornet's own folder`;
}

/** A device whose burst has no rate: Firecracker adds a burst to a rate, so alone it limits nothing. */
export function burstProblems({ network, disk }: Pick<Rates, "network" | "disk">): readonly {
  readonly device: "network" | "disk";
  readonly problem: string;
}[] {
  const alone = (burst: string | undefined, ...rates: readonly (string | undefined)[]): boolean =>
    burst !== undefined && rates.every((rate) => rate === undefined);
  const words = (rate: string): string => `adds to a rate, and none is declared: set ${rate}, or remove burst`;
  return [
    ...(alone(network?.burst, network?.rx, network?.tx)
      ? [{ device: "network" as const, problem: words("rx or tx") }]
      : []),
    ...(alone(disk?.burst, disk?.bytes) ? [{ device: "disk" as const, problem: words("bytes") }] : []),
  ];
}

function isWithin(inner: string, outer: string): boolean {
  return `${inner}/`.startsWith(`${outer}/`);
}

/** The given arguments of a resource. */
type Given = Readonly<Record<string, unknown>>;

/** The arguments of a resource that contradict others. `address` has a prefix if it stands for a network. */
export function contradictionsOf(inputs: Given): readonly { readonly property: string; readonly reason: string }[] {
  const given = (key: string): string | undefined => {
    const value = inputs[key];
    return typeof value === "string" ? value : undefined;
  };
  type Failures = { property: string; reason: string }[];
  const judge = (
    property: string,
    other: string,
    problemOf: (one: string, two: string) => string | undefined,
  ): Failures => {
    const [one, two] = [given(property), given(other)];
    const reason = one === undefined || two === undefined ? undefined : problemOf(one, two);
    return reason === undefined ? [] : [{ property, reason }];
  };
  const hasNetwork = given("address")?.includes("/") === true;
  return [
    ...judge("guestAddress", "tapAddress", (one, two) => neighbourProblem(one, two, "the tap")),
    ...(hasNetwork ? judge("gateway", "address", (one, two) => neighbourProblem(one, two, "the clone")) : []),
    ...(hasNetwork ? judge("address", "tapAddress", overlapProblem) : []),
    ...judge("uplink", "name", uplinkProblem),
    ...judge("tap", "nsVeth", tapProblem),
    ...judge("guestMac", "tapMac", guestMacProblem),
    ...judge("runtimeDir", "dir", foldersProblem),
    ...judge("folder", "runtimeDir", (one, two) => metricsFolderProblem(one, [two])),
    ...burstFailures(inputs.rates),
  ];
}

function burstFailures(given: unknown): { property: string; reason: string }[] {
  const rates = ratesSchema.safeParse(given);
  if (!rates.success) return [];
  return burstProblems(rates.data).map(({ device, problem }) => ({
    property: `rates.${device}.burst`,
    reason: problem,
  }));
}
