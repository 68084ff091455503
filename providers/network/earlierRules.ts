import { newRules, type NftTable } from "../../plan/network/nft";
import type { Droplet } from "../operation/droplet";

/** The advice is the same for every clone. */
const CLOSES =
  "an earlier Hornet let guests reach every port of the droplet, private networks and clouds' metadata services, and let the " +
  "droplet's neighbours reach the clones. The next up closes what hornet:bridge.services, hornet:fleet.egress and publish do " +
  "not declare (docs/network.md); hornet:bridge.closed: false keeps it open";

/**
 * Drift of a table that an earlier Hornet wrote and that lacks rules of today. So the operator learns what the next `up`
 * closes before it does.
 *
 * @param table the table that Hornet writes today
 */
export function earlierRules(
  droplet: Droplet,
  table: NftTable,
  { rules }: { readonly rules: readonly string[] },
): string[] {
  const missing = rules.length === 0 ? [] : newRules(table, rules);
  if (missing.length === 0) return [];
  droplet.reports.reportOnce(`${droplet.name}: ${CLOSES}`);
  return [`an earlier Hornet wrote the rules; new: ${missing.join(", ")}`];
}
