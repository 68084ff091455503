import { HornetError } from "../../host/errors";
import { newLineage, recordedLineage, recordLineage } from "../../operator/lineageRecord";
import { describeHolder, parseClaim, REFUSED, type LineageHolder } from "../../model/lineage";
import { ownerName } from "../../model/owner";
import type { CommonInputs } from "../kit/definition";
import { takeOver } from "./claimant";
import { sessionFor } from "./droplet";

/**
 * Which state owns a droplet's fleet. The owner label follows from names, so a colleague with a state of their own and the
 * same names has the same label. A state keeps a random lineage from its first `up` on, the operator's record keeps it beside,
 * and the droplet remembers whose it is (droplet/owner/lineage.sh).
 */

/** The lineages that this operation has met in its state, by owner label; `recorded` ones are in the operator's record. */
const met = new Map<string, { readonly lineage: string; readonly recorded: boolean }>();

/** Who owns a droplet's fleet, as it was read under the lock of this stamp. */
const holders = new Map<string, { readonly stamp: string; readonly holder: Promise<LineageHolder | undefined> }>();

/** The same, as it was read without the lock. */
const seen = new Map<string, Promise<LineageHolder | undefined>>();

/** Notes the lineage of a resource's state. No I/O. */
export function noteLineage(owner: unknown, lineage: unknown): void {
  if (typeof owner !== "string" || typeof lineage !== "string" || met.get(owner)?.lineage === lineage) return;
  met.set(owner, { lineage, recorded: false });
}

/** The lineage of an operation's state: what the state says counts before what the operator has recorded. */
function knownLineage(owner: string): string | undefined {
  const known = met.get(owner);
  if (known === undefined) return recordedLineage(owner);
  if (!known.recorded) {
    met.set(owner, { ...known, recorded: true });
    if (recordedOrDamaged(owner) !== known.lineage) recordLineage(owner, known.lineage);
  }
  return known.lineage;
}

/** A damaged record is replaced by what the state says. */
function recordedOrDamaged(owner: string): string | undefined {
  try {
    return recordedLineage(owner);
  } catch {
    return undefined;
  }
}

/** Gives a resource's inputs the lineage that is known, if one is. */
export function withKnownLineage<T extends CommonInputs>(common: T): T {
  noteLineage(common.owner, common.lineage);
  const lineage = knownLineage(common.owner);
  return lineage === undefined ? common : { ...common, lineage };
}

/** The same, where something is about to be made: a state without a lineage begins one. */
function withLineage<T extends CommonInputs>(common: T): T {
  const known = withKnownLineage(common);
  if (known.lineage !== undefined) return known;
  const lineage = newLineage();
  recordLineage(common.owner, lineage);
  met.set(common.owner, { lineage, recorded: true });
  return { ...common, lineage };
}

/**
 * Prepares a change of a droplet: takes its lock and finds the lineage.
 *
 * @returns the inputs with the lineage
 * @throws HornetError that names the holder where another lineage owns what carries this owner label
 */
export async function enterDroplet<T extends CommonInputs>(common: T): Promise<T> {
  const known = withLineage(common);
  const holder = await holderUnderLock(known);
  if (isForeign(known, holder)) throw new HornetError(refusalOf(known, holder));
  return known;
}

/** Prepares a removal: why nothing there is this state's to remove, or undefined. */
export async function foreignToRemove(common: CommonInputs): Promise<string | undefined> {
  const holder = await holderUnderLock(common);
  if (!isForeign(common, holder)) return undefined;
  const { by, since, lineage } = holder;
  return (
    `what ${ownerName(common.owner)} has on ${sessionFor(common).name} belongs to another state by now (${by}, since ` +
    `${since}, lineage ${lineage}): it stays as it is, and this state forgets it`
  );
}

/** Why a state's resource is another lineage's by now, or undefined. Waits for no lock. */
export async function foreignToRead(common: CommonInputs): Promise<string | undefined> {
  if (common.lineage === undefined) return undefined;
  const holder = await seenHolder(common);
  return isForeign(common, holder) ? refusalOf(common, holder) : undefined;
}

/** Why a check fails after a read that found the resource to be another lineage's; see {@link foreignToRead}. */
export function refusedCondition(condition: unknown): string | undefined {
  if (typeof condition !== "string" || !condition.includes(REFUSED)) return undefined;
  const lineage = /\(lineage ([0-9a-f]+)\)/.exec(condition)?.[1];
  return lineage !== undefined && lineage === takeOver() ? undefined : condition;
}

/** Whether the droplet says which state owns what carries this owner label. */
export async function isClaimed(common: CommonInputs): Promise<boolean> {
  return (await seenHolder(common)) !== undefined;
}

function refusalOf(common: CommonInputs, holder: LineageHolder): string {
  return describeHolder(sessionFor(common).name, ownerName(common.owner), holder);
}

function isForeign(
  { lineage }: Pick<CommonInputs, "lineage">,
  holder: LineageHolder | undefined,
): holder is LineageHolder {
  return holder !== undefined && holder.lineage !== lineage && holder.lineage !== takeOver();
}

/** Once taken, the lock keeps other lineages out: what was read since then holds until it is lost. */
async function holderUnderLock(common: CommonInputs): Promise<LineageHolder | undefined> {
  const session = sessionFor(common);
  const stamp = await session.hold();
  const key = keyOf(common);
  const before = holders.get(key);
  if (before?.stamp === stamp) return before.holder;
  const holder = readHolder(common);
  holders.set(key, { stamp, holder });
  holder.catch(() => holders.delete(key));
  return holder;
}

/** Reads who owns a droplet's fleet, once in an operation that only reads. */
function seenHolder(common: CommonInputs): Promise<LineageHolder | undefined> {
  const key = keyOf(common);
  const before = seen.get(key);
  if (before !== undefined) return before;
  const holder = readHolder(common);
  seen.set(key, holder);
  holder.catch(() => seen.delete(key));
  return holder;
}

function keyOf({ droplet, owner, runtimeDir }: CommonInputs): string {
  return JSON.stringify([droplet, owner, runtimeDir]);
}

async function readHolder(common: CommonInputs): Promise<LineageHolder | undefined> {
  const text = await sessionFor(common).call({
    what: "read whose the fleet is",
    run: "read_lineage",
    vars: { owner: common.owner, runtime_dir: common.runtimeDir },
  });
  return parseClaim(text);
}

/** For a process that serves one operation after another. */
export function forgetLineages(): void {
  met.clear();
  holders.clear();
  seen.clear();
}
