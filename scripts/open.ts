import { resolve } from "node:path";
import { openStack, type FleetStack } from "../automation";
import type { Paths } from "../automation/cli";
import { LOCAL } from "../operator/localPaths";

/** The options by which a command names its stack. */
export const stackOptions = {
  stack: { type: "string", short: "s", default: LOCAL },
  cwd: { type: "string" },
} as const;

/** Opens the stack that a command is about; it must exist. */
export function openExisting(
  paths: Paths,
  { stack, cwd }: { stack: string; cwd?: string | undefined },
): Promise<FleetStack> {
  return openStack({ stack, paths, create: false, ...(cwd !== undefined && { workDir: resolve(cwd) }) });
}
