import type { IdentityMethod } from "../../firecracker/identity";
import { commonVars, type CommonVars } from "../operation/common";
import type { VmInputs } from "./inputs";

/** The variables that name a clone's VM to the library. */
export function vmVars(wanted: VmInputs): CommonVars & { readonly namespace: string } {
  return { ...commonVars(wanted), namespace: wanted.namespace };
}

/** How a clone is told who it is. */
export function wayOf({ identity, artifact }: Pick<VmInputs, "identity" | "artifact">): IdentityMethod {
  return identity === "auto" ? artifact.identity : identity;
}
