/** Which jailer a VMM is started by. */
import type { Jailer, Program, Programs } from "./programs";

/** `hornet:vmm.jailer`: `auto`, `off`, or a path on the droplet. */
export type JailerSetting = string;

/** The jailer for a program: of the same version, or the one that the config names. Undefined where there is none. */
export function jailerFor({ jailers }: Programs, { version }: Program, setting: JailerSetting): Jailer | undefined {
  if (setting === "off") return undefined;
  if (setting !== "auto") return jailers.find(({ path }) => path === setting);
  return jailers.find((one) => one.version === version);
}

/** The variable `jailer` of `list_programs`: a path, or nothing for the jailers beside the programs. */
export function jailerVar(setting: JailerSetting): string {
  return setting === "auto" || setting === "off" ? "" : setting;
}
