import type { FleetSpec } from "../../config/spec";
import { omitUndefined } from "../omitUndefined";

/** Limits of VMMs under one key of the config; see DeclaredLimits in plan/preflight/vmLimits.ts. */
export interface LimitsOfKey {
  key: string;
  cpus?: number;
  memory?: number;
}

/** The limits that a config declares and that Preflight compares with the droplet and the snapshot. */
export function declaredLimitsOf({ vmm, clones }: Pick<FleetSpec, "vmm" | "clones">): LimitsOfKey[] {
  const all = [
    { key: "hornet:vmm.limits", limits: vmm.limits },
    ...Object.entries(clones).map(([id, { limits = {} }]) => ({ key: `hornet:clones.${id}.limits`, limits })),
  ];
  return all.flatMap(({ key, limits: { cpus, memory } }) =>
    cpus === undefined && memory === undefined ? [] : [{ key, ...omitUndefined({ cpus, memory }) }],
  );
}
