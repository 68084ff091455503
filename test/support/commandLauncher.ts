import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

/**
 * Puts the stand-in for the plugin of @pulumi/command where a CLI finds it.
 *
 * @returns the folder that belongs on the CLI's PATH
 */
export function installCommandPlugin(folder: string): string {
  const register = resolve(__dirname, "../../register.cjs");
  const argv = [process.execPath, "-r", register, join(__dirname, "commandPlugin.ts")];
  const plugins = join(folder, "plugins");
  mkdirSync(plugins);
  writeFileSync(join(plugins, "pulumi-resource-command"), `#!/bin/sh\nexec ${argv.join(" ")} "$@"\n`, { mode: 0o755 });
  return plugins;
}
