/** The fleets of a stack, one on each droplet, and the stack's outputs. */
import { isDeepStrictEqual } from "node:util";
import * as pulumi from "@pulumi/pulumi";
import type { FleetSpec } from "../../config/spec";
import type { NamedFleet } from "../../config/stack";
import { CloneFleet, sshFolderOf, type FleetShare } from "./cloneFleet";
import type { CloneSummary } from "./fleetClone";
import { ONLY_FLEET, resourceName } from "../../model/names";
import { resolveDroplet, type ResolvedDroplet } from "./resolveDroplet";
import { OtherStacks, type SnapshotSummary } from "./snapshotSource";

/** The outputs of a stack. */
export interface StackOutputs {
  readonly clones: pulumi.Output<CloneSummary[]>;
  readonly snapshot: pulumi.Output<SnapshotSummary | undefined>;
  readonly transferred: pulumi.Output<number>;
  readonly snapshotDigest: pulumi.Output<string>;
  readonly timings: pulumi.Output<Record<string, Record<string, number>>>;
  readonly sshConfig: pulumi.Output<string>;
}

type Resolved = NamedFleet & ResolvedDroplet;

interface DeclaredFleet {
  readonly name: string | undefined;
  readonly source: FleetSpec["snapshot"]["source"];
  readonly fleet: CloneFleet;
}

/**
 * Declares a stack: one fleet a droplet. A stack with `hornet:droplet` alone has the fleet `fleet`, whose resources have no
 * prefix; the fleet of an entry of `hornet:droplets` has the entry's name.
 */
export function declareStack(fleets: readonly NamedFleet[]): StackOutputs {
  const stack = pulumi.getStack();
  const resolved = fleets.map(({ name, spec }): Resolved => {
    const key = name === undefined ? "hornet:droplet" : `hornet:droplets.${name}`;
    return { name, spec, ...resolveDroplet(spec.droplet, { stack, concurrency: spec.fleet.concurrency, key }) };
  });
  const stacks = new OtherStacks();
  const [first, ...others] = resolved.map((one): DeclaredFleet => {
    const { name, spec, droplet, operatorKeys } = one;
    const share = shareOf(one, resolved, stacks);
    const own = share !== undefined && name !== undefined ? { sshFolder: `${share.folder}/${name}` } : {};
    const args = { spec, droplet, operatorKeys, ...own, ...(share !== undefined && { share }) };
    return { name, source: spec.snapshot.source, fleet: new CloneFleet(name ?? ONLY_FLEET, args) };
  });
  if (first === undefined) throw new Error("a stack has at least one droplet");
  return others.length === 0 && first.name === undefined ? outputsOf(first) : outputsOfAll([first, ...others]);
}

function shareOf(one: Resolved, all: readonly Resolved[], stacks: OtherStacks): FleetShare | undefined {
  if (all.every(({ name }) => name === undefined)) return undefined;
  const folder = sshFolderOf(pulumi.getStack());
  const hasMain = all.some(({ name }) => name === undefined);
  const { source } = one.spec.snapshot;
  const peers = all.filter((other) => other !== one && isDeepStrictEqual(other.spec.snapshot.source, source));
  return {
    droplet: one.name,
    folder,
    stacks,
    index: hasMain ? undefined : `${folder}/ssh_config`,
    peers: peers.map(({ droplet, spec }) => ({ droplet, dir: spec.snapshot.dir })),
  };
}

function outputsOf({ fleet }: DeclaredFleet): StackOutputs {
  const { clones, snapshot, transferred, snapshotDigest, timings, sshConfig } = fleet;
  return { clones, snapshot, transferred, snapshotDigest, timings, sshConfig };
}

/**
 * The outputs of several fleets. The engine goes on with the others when one fails (--continue-on-error), and all outputs of
 * what failed are unknown: they are left out, so that the others' are there.
 */
function outputsOfAll(declared: readonly [DeclaredFleet, ...DeclaredFleet[]]): StackOutputs {
  const all = declared.map(({ fleet }) => fleet);
  if (!pulumi.runtime.isDryRun()) void reportFailures(declared);
  const timings = whatIsKnown(
    declared.map(({ name, fleet }) =>
      fleet.timings.apply(({ snapshot = {}, ...clones }) => ({
        ...clones,
        [resourceName(name, "snapshot")]: snapshot,
      })),
    ),
  ).apply((each) => Object.assign({}, ...each) as Record<string, Record<string, number>>);
  const snapshots = whatIsKnown(all.map(({ snapshot }) => snapshot));
  if (!pulumi.runtime.isDryRun()) reportMixture(declared);
  return {
    clones: whatIsKnown(all.flatMap(({ converged }) => converged.clones)),
    snapshot: snapshots.apply((each) => commonSnapshot(each, all.length)),
    transferred: whatIsKnown(all.map(({ transferred }) => transferred)).apply((each) =>
      each.reduce((a, b) => a + b, 0),
    ),
    snapshotDigest: whatIsKnown(all.map(({ snapshotDigest }) => snapshotDigest)).apply(([first = ""]) => first),
    timings,
    sshConfig: pulumi.output(`${sshFolderOf(pulumi.getStack())}/ssh_config`),
  };
}

/** The values that an `up` made known; in a preview, which knows less, all of them or none. */
function whatIsKnown<T>(outputs: readonly pulumi.Output<T>[]): pulumi.Output<T[]> {
  const known = pulumi.runtime.isDryRun()
    ? [...outputs]
    : Promise.all(outputs.map(isKnown)).then((each) => outputs.filter((_output, at) => each[at]));
  return pulumi.output(known) as unknown as pulumi.Output<T[]>;
}

/** Whether an output has a value. The SDK has the property, but its type does not say so. */
function isKnown(output: pulumi.Output<unknown>): Promise<boolean> {
  return (output as unknown as { readonly isKnown: Promise<boolean> }).isKnown.catch(() => false);
}

/** Says on one line of each droplet what came of it, if one failed. */
async function reportFailures(declared: readonly DeclaredFleet[]): Promise<void> {
  const seen = await Promise.all(
    declared.map(async ({ name = ONLY_FLEET, fleet }) => {
      const [clones, rest] = await Promise.all([
        Promise.all(fleet.converged.clones.map(isKnown)),
        Promise.all(fleet.converged.all.map(isKnown)),
      ]);
      return { name, fleet, done: clones.filter(Boolean).length, all: clones.length, whole: rest.every(Boolean) };
    }),
  );
  if (seen.every(({ whole }) => whole)) return;
  for (const { name, fleet, done, all, whole } of seen) {
    if (whole) void pulumi.log.info(`droplet ${name}: all ${all} clones are as declared`, fleet);
    else
      void pulumi.log.warn(
        `droplet ${name}: failed, ${done} of ${all} clones are as declared; its errors say why`,
        fleet,
      );
  }
}

/** Warns if droplets that declare the same snapshot run different ones. */
function reportMixture(declared: readonly DeclaredFleet[]): void {
  const named = whatIsKnown(
    declared.map(({ name = ONLY_FLEET, source, fleet }) =>
      fleet.snapshot.apply((snapshot) => [name, { source, snapshot }] as const),
    ),
  );
  named.apply((each) => {
    const mixture = mixtureOf(Object.fromEntries(each));
    if (mixture === undefined) return;
    void pulumi.log.warn(
      `the droplets declare one snapshot (hornet:snapshot) and run several, so that none counts as proved: ${mixture}`,
    );
  });
}

/** The droplets by the snapshots that they run, in words, if some declare the same one and run several. */
export function mixtureOf(
  fleets: Readonly<
    Record<string, { readonly source: FleetSpec["snapshot"]["source"]; readonly snapshot: SnapshotSummary }>
  >,
): string | undefined {
  const all = Object.entries(fleets);
  const mixed = all.filter(([, { source, snapshot }]) =>
    all.some(([, one]) => isDeepStrictEqual(one.source, source) && one.snapshot.digest !== snapshot.digest),
  );
  const digests = [...new Set(mixed.map(([, { snapshot }]) => snapshot.digest))];
  if (digests.length === 0) return undefined;
  const namesWith = (digest: string): string =>
    mixed
      .filter(([, { snapshot }]) => snapshot.digest === digest)
      .map(([name]) => name)
      .join(", ");
  return digests.map((digest) => `${namesWith(digest)}: ${digest}`).join("; ");
}

/**
 * The snapshot of all droplets, for other stacks: the first droplet's. It counts as proved once all droplets have proved the
 * same one.
 *
 * @param count how many droplets there are
 */
export function commonSnapshot(each: readonly SnapshotSummary[], count: number): SnapshotSummary | undefined {
  const [first] = each;
  if (first === undefined) return undefined;
  const proved =
    each.length === count && each.every((one) => one.digest === first.digest && one.proved === first.digest);
  return { ...first, proved: proved ? first.digest : "", ...(count > 1 && { droplets: count }) };
}
