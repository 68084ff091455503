import { newRules, type NftTable } from "../../plan/network/nft";
import type { Droplet } from "../operation/droplet";

/** The advice is the same for every clone. */
const CLOSES =
  "an earlier Hornet let guests reach every port of the droplet, private networks and clouds' metadata services, and let the " +
  "droplet's neighbours reach the clones. The next up closes what hornet:bridge.services, hornet:fleet.egress and publish do " +
  "not declare (docs/network.md); hornet:bridge.closed: false keeps it open";

/**
 * Drift of a table that an earlier Hornet wrote: the state's declaration means rules that it has not. The operator learns
 * what the next `up` closes before it does.
 *
 * @param wanted the table of today
 */
export function earlierRules(
  droplet: Droplet,
  wanted: NftTable,
  { rules }: { readonly rules: readonly string[] },
): string[] {
  // Nothing was recorded, so nothing is known.
  const missing = rules.length === 0 ? [] : newRules(wanted, rules);
  if (missing.length === 0) return [];
  droplet.reports.reportOnce(`${droplet.name}: ${CLOSES}`);
  return [`an earlier Hornet wrote the rules; new: ${missing.join(", ")}`];
}
