import { hostname, userInfo } from "node:os";
import { plainLine } from "../../model/lineage";
import { ownerName } from "../../model/owner";
import { backendUrl } from "../../operator/backend";
import type { CommonInputs } from "../kit/definition";

/** The shell variables that tell the droplet which state changes it. */
export function lineageVars({ owner, lineage }: Pick<CommonInputs, "owner" | "lineage">): Record<string, string> {
  if (lineage === undefined) return {};
  const claimant = [`${userInfo().username}@${hostname()}`, ownerName(owner), backendUrl()].map(plainLine).join("\n");
  return { lineage, claimant, take_over: takeOver() };
}

/** The lineage that the operator takes over. The variable names one, so that it takes over no other while it stays set. */
export function takeOver(): string {
  return process.env.HORNET_TAKE_OVER ?? "";
}
