import type { Observed } from "../../model/observed";
import { ownerCalled, ownerId, ownerLabel, ownerName } from "../../model/owner";
import { recordedLineage } from "../../operator/lineageRecord";
import { PROJECT } from "../../operator/localPaths";

/** What self-managed backends call their only organization. */
const SELF_MANAGED = "organization";

/** The owner labels on a droplet. */
export interface Labels {
  /** The examined stack's; undefined if it has nothing there. */
  readonly own: string | undefined;
  /** Those of other stacks. */
  readonly others: readonly string[];
  /** Those of other states with the same project and stack name, which `others` has too. */
  readonly namesakes: readonly string[];
}

/**
 * Finds a stack's owner label among all on its droplet. The label's id needs the organization, which only the engine knows, so
 * the name decides. After a failed first `up` there may be no clone yet: folders and tables have the label as well.
 *
 * @param knownAs `hornet:fleet.knownAs`
 * @param isRecorded whether this operator has the lineage of a label's state; decides between organizations with the same names
 */
export function labelsOn(
  { claims, links, owners = [], tables }: Observed,
  stack: string,
  knownAs?: string,
  isRecorded: (label: string) => boolean = hasLineage,
): Labels {
  const found = new Set(
    [...claims.map(({ owner }) => owner), ...owners, ...links.map(({ alias }) => alias)].filter((label) =>
      label.startsWith("hornet:"),
    ),
  );
  // nft's JSON has no comments of tables: a table alone names only the id of its owner.
  const usual = { organization: SELF_MANAGED, project: PROJECT, stack };
  const likely = ownerLabel(knownAs === undefined ? usual : ownerCalled(knownAs));
  if (tables.some(({ name }) => name.startsWith(`hornet_${ownerId(likely)}`))) found.add(likely);
  const exact = knownAs === undefined ? undefined : likely;
  const named = [...found].filter((label) =>
    exact === undefined ? ownerName(label) === `${PROJECT}/${stack}` : label === exact,
  );
  const own = named.length > 1 ? (named.find(isRecorded) ?? named[0]) : named[0];
  const others = [...found].filter((label) => label !== own);
  return { own, others, namesakes: named.filter((label) => label !== own) };
}

function hasLineage(label: string): boolean {
  try {
    return recordedLineage(label) !== undefined;
  } catch {
    // The record is damaged, but it is there.
    return true;
  }
}
