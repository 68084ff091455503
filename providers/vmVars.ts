import type { IdentityWay } from "../firecracker/identity";
import { commonVars } from "./droplet";
import type { VmInputs } from "./vmInputs";

/** The variables that name a clone's VM to the library. */
export function vmVars(wanted: VmInputs): Record<string, string> {
  return { ...commonVars(wanted), namespace: wanted.namespace };
}

/** How a clone is told who it is. */
export function wayOf({ identity, artifact }: Pick<VmInputs, "identity" | "artifact">): IdentityWay {
  return identity === "auto" ? artifact.identity : identity;
}
