import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { parse } from "yaml";
import { z } from "zod";

/** A variable that is set to nothing is not set. */
export function filled(value: string | undefined): string | undefined {
  return value === "" ? undefined : value;
}

/** Where Pulumi keeps state when nobody has logged in anywhere. */
const PULUMI_CLOUD = "https://api.pulumi.com";

const projectFile = z.object({ backend: z.object({ url: z.string().optional() }).nullish() });
const credentialsFile = z.object({ current: z.string().optional() });

/** The URL of the backend that this operation's state is in, in the order in which Pulumi looks, without credentials. */
export function backendUrl(env: NodeJS.ProcessEnv = process.env, folder: string = process.cwd()): string {
  return withoutCredentials(
    filled(env.PULUMI_BACKEND_URL) ?? filled(projectUrl(folder)) ?? filled(currentUrl(env)) ?? PULUMI_CLOUD,
    folder,
  );
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

/** A file that is missing, or not as expected, names no backend. */
function read(url: () => string | undefined): string | undefined {
  try {
    return url();
  } catch {
    return undefined;
  }
}

/** `file://~/x` and `file://./x` name a folder by where they are used; what stands before an @ or behind a ? may be secret. */
function withoutCredentials(url: string, folder: string): string {
  const path = /^file:\/\/(.*)$/s.exec(url)?.[1];
  if (path !== undefined) {
    const home = path === "~" || path.startsWith("~/") ? join(homedir(), path.slice(1)) : path;
    return `file://${resolve(folder, home)}`;
  }
  return url.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/]*@/i, "$1").replace(/[?#].*$/s, "");
}
