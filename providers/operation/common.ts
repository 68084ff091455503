import type { LineageVars } from "../../host/session/calls";
import type { Connection } from "../../model/connection";
import { lineageVars } from "./lineage";

/** The location and owner of a resource, from its inputs. */
export interface Common {
  readonly droplet: Connection;
  readonly owner: string;
  readonly runtimeDir: string;
  /** Seconds */
  readonly vmmTimeout: number;
  /** The lineage of the state that has the resource; see lineage.ts. */
  readonly lineage?: string | undefined;
}

/** The variables that most calls take. */
export type CommonVars = LineageVars & Readonly<Record<"owner" | "runtime_dir" | "vmm_timeout_ms", string>>;

/** See {@link CommonVars}. */
export function commonVars(common: Omit<Common, "droplet">): CommonVars {
  const { owner, runtimeDir, vmmTimeout } = common;
  const vmmTimeoutMs = String(Math.round(vmmTimeout * 1000));
  return { owner, runtime_dir: runtimeDir, vmm_timeout_ms: vmmTimeoutMs, ...lineageVars(common) };
}
