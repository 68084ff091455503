import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { filled } from "./backend";

/**
 * Hornet's folder in the user's cache. The set-up, which runs without compiled TypeScript, has the same in scripts/setup/pulumi.mjs,
 * and its shell scripts in guest/lib.sh.
 */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  const own = filled(env.HORNET_CACHE);
  return resolve(own ?? join(filled(env.XDG_CACHE_HOME) ?? join(homedir(), ".cache"), "hornet"));
}
