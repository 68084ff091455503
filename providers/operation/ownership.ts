import { HornetError } from "../../host/errors";
import { describeHolder, type LineageHolder } from "../../model/lineage";
import { ownerName } from "../../model/owner";
import type { Common } from "./common";
import type { Droplet } from "./droplet";
import { takeOver } from "./lineage";

/**
 * Prepares a change of a droplet: takes its lock and finds the lineage.
 *
 * @returns the inputs with the lineage
 * @throws HornetError that names the holder where another lineage owns what carries this owner label
 */
export async function enterDroplet<T extends Common>(droplet: Droplet, common: T): Promise<T> {
  const recorded = droplet.lineages.recorded(common);
  const holder = await droplet.claimOf(common).underLock();
  if (isForeign(recorded, holder)) throw new HornetError(refusalOf(droplet, recorded, holder));
  return recorded;
}

/** Prepares a removal: why nothing on the droplet is this state's to remove, or undefined. */
export async function foreignToRemove(droplet: Droplet, common: Common): Promise<string | undefined> {
  const holder = await droplet.claimOf(common).underLock();
  if (!isForeign(common, holder)) return undefined;
  const { by, since, lineage } = holder;
  return (
    `what ${ownerName(common.owner)} has on ${droplet.name} belongs to another state by now (${by}, since ` +
    `${since}, lineage ${lineage}): it stays as it is, and this state forgets it`
  );
}

/** Why a state's resource belongs to another lineage by now, or undefined. Waits for no lock. */
export async function foreignToRead(droplet: Droplet, common: Common): Promise<string | undefined> {
  if (common.lineage === undefined) return undefined;
  const holder = await droplet.claimOf(common).withoutLock();
  return isForeign(common, holder) ? refusalOf(droplet, common, holder) : undefined;
}

/** Whether the droplet says which state owns what carries this owner label. */
export async function isClaimed(droplet: Droplet, common: Common): Promise<boolean> {
  return (await droplet.claimOf(common).withoutLock()) !== undefined;
}

function refusalOf(droplet: Droplet, common: Common, holder: LineageHolder): string {
  return describeHolder(droplet.name, ownerName(common.owner), holder);
}

function isForeign({ lineage }: Pick<Common, "lineage">, holder: LineageHolder | undefined): holder is LineageHolder {
  return holder !== undefined && holder.lineage !== lineage && holder.lineage !== takeOver();
}
