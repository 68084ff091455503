import { HornetError } from "../../host/errors";
import { describeHolder, type LineageHolder } from "../../model/lineage";
import { ownerName } from "../../model/owner";
import type { Common } from "./common";
import type { Droplet } from "./droplet";
import { takeOver } from "./lineage";

/**
 * Prepares a change of a droplet: takes its lock and checks the lineage.
 *
 * @returns the inputs with the lineage
 * @throws HornetError that names the holder if another lineage owns the things with this owner label
 */
export async function enterDroplet<T extends Common>(droplet: Droplet, common: T): Promise<T> {
  const recorded = droplet.lineages.recorded(common);
  const holder = await droplet.claimOf(common).underLock();
  if (isForeign(recorded, holder)) throw new HornetError(refusalOf(droplet, recorded, holder));
  return recorded;
}

/** Prepares a removal: why this state may remove nothing on the droplet, or undefined. */
export async function foreignToRemove(droplet: Droplet, common: Common): Promise<string | undefined> {
  const holder = await droplet.claimOf(common).underLock();
  if (!isForeign(common, holder)) return undefined;
  const { by, since, lineage } = holder;
  return (
    `the fleet of ${ownerName(common.owner)} on ${droplet.name} belongs to another state by now (${by}, since ` +
    `${since}, lineage ${lineage}): it stays unchanged, and this state forgets it`
  );
}

/** The message if a state's resource belongs to another lineage now, or undefined. Takes no lock. */
export async function foreignToRead(droplet: Droplet, common: Common): Promise<string | undefined> {
  if (common.lineage === undefined) return undefined;
  const holder = await droplet.claimOf(common).withoutLock();
  return isForeign(common, holder) ? refusalOf(droplet, common, holder) : undefined;
}

/** Whether the droplet records which state owns the things with this owner label. */
export async function isClaimed(droplet: Droplet, common: Common): Promise<boolean> {
  return (await droplet.claimOf(common).withoutLock()) !== undefined;
}

function refusalOf(droplet: Droplet, common: Common, holder: LineageHolder): string {
  return describeHolder(droplet.name, ownerName(common.owner), holder);
}

function isForeign({ lineage }: Pick<Common, "lineage">, holder: LineageHolder | undefined): holder is LineageHolder {
  return holder !== undefined && holder.lineage !== lineage && holder.lineage !== takeOver();
}
