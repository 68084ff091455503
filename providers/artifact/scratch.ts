import { limitsSchema } from "../../model/arguments/limits";
import { limitLines } from "../../plan/vm/limits";
import { commonVars, type CommonVars } from "../operation/common";
import type { ArtifactInputs } from "./inputs";

/** The network namespace in which Hornet boots a guest for a stack; a stack boots one at a time. */
export function scratchNamespace({ owner }: ArtifactInputs): string {
  return `hornet-boot-${owner.slice(-12)}`;
}

/** The variables that name the VM of a boot or of a trial in the droplet's scripts. */
export function scratchVars(desired: ArtifactInputs): CommonVars & { readonly namespace: string } {
  return { ...commonVars(desired), namespace: scratchNamespace(desired) };
}

/**
 * The default limits of a clone, for the VM of a boot or of a trial.
 *
 * @param memory of its guest in MiB: it writes a file of that size when Hornet takes a snapshot
 */
export function scratchLimits(memory: number): { readonly vmm_limits: string } {
  return { vmm_limits: limitLines(limitsSchema.parse({}), { memory }) };
}
