import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { parse } from "yaml";
import { z } from "zod";

/** Treats an empty variable as unset. */
export function filled(value: string | undefined): string | undefined {
  return value === "" ? undefined : value;
}

/** Pulumi's default backend. */
const PULUMI_CLOUD = "https://api.pulumi.com";

const projectFile = z.object({ backend: z.object({ url: z.string().optional() }).nullish() });
const credentialsFile = z.object({ current: z.string().optional() });

/** The URL of the backend with this operation's state, without credentials; searches in Pulumi's order. */
export function backendUrl(env: NodeJS.ProcessEnv = process.env, folder: string = process.cwd()): string {
  return withoutCredentials(
    filled(env.PULUMI_BACKEND_URL) ?? filled(projectUrl(folder)) ?? filled(currentUrl(env)) ?? PULUMI_CLOUD,
    folder,
  );
}

/** The URL of a backend in this folder: Pulumi reads it as a URL, to which "100% mine" is no path. */
export function backendIn(folder: string): string {
  return `file://${folder.replaceAll(/[%?#]/g, encodeURIComponent)}`;
}

/** The folder of the backend with this operation's state; undefined where it is in no folder of this machine. */
export function backendFolder(env: NodeJS.ProcessEnv = process.env, from: string = process.cwd()): string | undefined {
  const path = /^file:\/\/(\/.*)$/s.exec(backendUrl(env, from))?.[1];
  try {
    return path && decodeURIComponent(path);
  } catch {
    return path;
  }
}

function projectUrl(folder: string): string | undefined {
  for (let at = folder; ; at = dirname(at)) {
    for (const name of ["Pulumi.yaml", "Pulumi.yml"]) {
      const file = join(at, name);
      if (existsSync(file)) return read(() => projectFile.parse(parse(readFileSync(file, "utf8"))).backend?.url);
    }
    if (at === dirname(at)) return undefined;
  }
}

function currentUrl(env: NodeJS.ProcessEnv): string | undefined {
  const home = filled(env.PULUMI_HOME) ?? join(homedir(), ".pulumi");
  const file = join(home, "credentials.json");
  return read(() => credentialsFile.parse(JSON.parse(readFileSync(file, "utf8"))).current);
}

/** A missing or malformed file names no backend. */
function read(url: () => string | undefined): string | undefined {
  try {
    return url();
  } catch {
    return undefined;
  }
}

/** Resolves `file://~/x` and `file://./x`; removes the parts before an @ and behind a ?, which may be secret. */
function withoutCredentials(url: string, folder: string): string {
  const path = /^file:\/\/(.*)$/s.exec(url)?.[1];
  if (path !== undefined) {
    const home = path === "~" || path.startsWith("~/") ? join(homedir(), path.slice(1)) : path;
    return `file://${resolve(folder, home)}`;
  }
  return url.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/]*@/i, "$1").replace(/[?#].*$/s, "");
}
