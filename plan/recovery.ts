import type { Observed } from "../model/observed";

/**
 * Drift of the process that restarts VMMs between operations (droplet/keepers/recovery.sh).
 *
 * @param scripts the digest of this Hornet's scripts for droplets; undefined: no clone declares a recovery
 */
export function recoveryKeeperDrift(
  scripts: string | undefined,
  { recoveryKeeper }: Pick<Observed, "recoveryKeeper">,
): string[] {
  if (scripts === undefined) {
    return recoveryKeeper === undefined ? [] : ["a recovery keeper runs, but hornet:vmm.recovery.restart is never"];
  }
  if (recoveryKeeper === undefined) return ["the recovery keeper does not run"];
  return recoveryKeeper === scripts ? [] : ["the recovery keeper runs the scripts of another Hornet"];
}
