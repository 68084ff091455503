import { devicesOf } from "../../firecracker/devices";
import type { IdentityMethod } from "../../firecracker/identity";
import type { RatedDevices } from "../../firecracker/rates";
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

/** MiB of memory that a guest can have, with what can be plugged in while it runs. */
export function memoryOf(artifact: VmInputs["artifact"]): number {
  const { total_size_mib: pluggable } = devicesOf(artifact).memoryHotplug ?? {};
  return artifact.memory + (typeof pluggable === "number" ? pluggable : 0);
}

/** The devices of a clone whose rates can be declared. */
export function ratedDevices(artifact: VmInputs["artifact"]): RatedDevices {
  return { iface: artifact.iface, disk: devicesOf(artifact).disk?.id ?? "" };
}
