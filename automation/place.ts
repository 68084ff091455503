/** Where a stack's program, config, state and secrets are. */
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { backendFolder, backendUrl } from "../operator/backend";
import { LOCAL, checkout, localPaths } from "../operator/localPaths";
import { pulumiEnvironment, type Paths } from "./cli";

/** A stack and the files that it consists of. */
export interface Place {
  readonly stack: string;
  /** The project's folder. */
  readonly workDir: string;
  /** The stack's config. */
  readonly configFile: string;
  /** The environment for the CLI; an undefined variable is one that the CLI must not have. */
  readonly env: NodeJS.ProcessEnv;
  /** The stack `local` of this checkout: Hornet makes its passphrase, config and state. */
  readonly isLocal: boolean;
}

/** Finds the files of a stack. */
export function placeOf(
  paths: Paths,
  { stack, workDir = checkout, env = {} }: { stack: string; workDir?: string; env?: Readonly<Record<string, string>> },
): Place {
  const folder = resolve(workDir);
  const isLocal = stack === LOCAL && folder === checkout;
  const configFile = isLocal ? localPaths().config : join(folder, `Pulumi.${shortName(stack)}.yaml`);
  return { stack, workDir: folder, configFile, isLocal, env: { ...pulumiEnvironment(paths, stack, isLocal), ...env } };
}

/** `dev`, of `organization/project/dev`. */
export function shortName(stack: string): string {
  return stack.slice(stack.lastIndexOf("/") + 1);
}

const project = z.looseObject({ name: z.string() });

/** The folder in which the file backend keeps the stack's locks; undefined for every other backend. */
export function lockFolder({ stack, workDir, env }: Place): string | undefined {
  const folder = backendFolder(env, workDir);
  const name = projectName(workDir);
  if (folder === undefined || name === undefined) return undefined;
  return join(folder, ".pulumi/locks/organization", name, shortName(stack));
}

/** Whether the engine may write the stack's state once, at the end: Pulumi Cloud records every step by itself. */
export function mayWriteOnce({ workDir, env }: Place): boolean {
  return !/^https?:/.test(backendUrl(env, workDir));
}

/** The name in the project's file, which is in the folder or one above it. */
export function projectName(workDir: string): string | undefined {
  for (let at = workDir; ; at = dirname(at)) {
    for (const name of ["Pulumi.yaml", "Pulumi.yml"]) {
      const file = join(at, name);
      if (existsSync(file)) return project.safeParse(parse(readFileSync(file, "utf8"))).data?.name;
    }
    if (at === dirname(at)) return undefined;
  }
}

/** A name for a project whose folder has no Pulumi.yaml. */
export function defaultProject(workDir: string): string {
  return basename(workDir).replaceAll(/[^\w.-]/g, "-");
}
