/** Prepares the stack `local`: passphrase, config, the stack itself. */
import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { z } from "zod";
import { makeFolder, writeWhole } from "../../host/wholeFile";
import { backendFolder } from "../../operator/backend";
import { runPulumi, type Paths } from "../cli";
import { readJson } from "../json";
import { areStale } from "../locks";
import { addToConfig, refreshConfig } from "./config";
import { LOCAL, PROJECT, localPaths } from "../../operator/localPaths";

const salted = z.object({ encryptionsalt: z.string().optional() }).nullish();

/**
 * Makes passphrase, config and stack where they are missing.
 * @throws where the CLI cannot make the stack
 */
export async function prepareStack(paths: Paths): Promise<void> {
  const { state, stackFile, passphrase, folder } = localPaths();
  for (const path of [state, folder]) makeFolder(path);
  if (!existsSync(passphrase)) {
    writeWhole(passphrase, randomBytes(24).toString("base64url"));
  }
  assertPassphrase(passphrase);
  refreshConfig();
  if (!existsSync(stackFile)) await makeStack(paths);
  else assertWhole(stackFile);
  await releaseStaleLocks(paths);
}

/** Of an empty passphrase Pulumi says only that it is incorrect. */
function assertPassphrase(file: string): void {
  if (readFileSync(file, "utf8").trim() !== "") return;
  throw new Error(
    `the passphrase of the stack ${LOCAL}, ${file}, is empty: the disk may have been full\n  next: restore the file from a ` +
      "backup; without one, remove it, the state and the stack's config beside it, and run npm run up",
  );
}

/**
 * If the disk is full when Pulumi writes its state, it leaves an empty file, and every later command of Pulumi says only
 * "unexpected end of JSON input".
 *
 * @throws Error that names the file and the copy that Pulumi keeps of it
 */
export function assertWhole(stackFile: string, stack = LOCAL): void {
  if (isState(stackFile)) return;
  const backup = `${stackFile}.bak`;
  const up = stack === LOCAL ? "npm run up" : `pulumi up -s ${stack}`;
  const next = isState(backup)
    ? `restore the copy that Pulumi keeps, cp '${backup}' '${stackFile}', and run ${up}, which compares it with the droplet`
    : `remove it and run ${up}: Hornet finds what is on the droplet by its owner label`;
  throw new Error(
    `the state of the stack ${stack}, ${stackFile}, is damaged: the disk may have been full\n  next: ${next}`,
  );
}

/** Asserts the same of another stack, where its backend is a folder of this machine. */
export function assertBackendWhole(stack: string): void {
  const folder = backendFolder();
  if (folder === undefined) return;
  const name = stack.slice(stack.lastIndexOf("/") + 1);
  const file = join(folder, ".pulumi/stacks", PROJECT, `${name}.json`);
  if (existsSync(file)) assertWhole(file, name);
}

const stateShape = z.looseObject({ version: z.number(), checkpoint: z.looseObject({}) });

function isState(file: string): boolean {
  return stateShape.safeParse(readJson(file)).success;
}

function saltIn(file: string): string | undefined {
  return salted.parse(parse(readFileSync(file, "utf8")))?.encryptionsalt;
}

/**
 * `pulumi stack init` writes the salt of the passphrase into the stack's config file beside Pulumi.yaml and has no option
 * for another file. So it runs in a separate folder, and Hornet copies the salt from there.
 */
export async function makeStack(paths: Paths): Promise<void> {
  const { folder, config } = localPaths();
  const scratch = mkdtempSync(join(folder, "init-"));
  try {
    const file = join(scratch, `Pulumi.${LOCAL}.yaml`);
    const encryptionsalt = saltIn(config);
    writeFileSync(join(scratch, "Pulumi.yaml"), `name: ${PROJECT}\nruntime: nodejs\n`);
    writeFileSync(file, encryptionsalt === undefined ? "{}\n" : stringify({ encryptionsalt }));
    const { code } = await runPulumi(paths, LOCAL, ["stack", "init", "--no-select", LOCAL], {
      capture: true,
      cwd: scratch,
    });
    if (code !== 0) throw new Error(`pulumi stack init ${LOCAL} failed with exit code ${code}; see its output above.`);
    if (encryptionsalt === undefined) addToConfig({ encryptionsalt: saltIn(file) });
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Releases the locks that killed runs of this machine left on the stack. */
async function releaseStaleLocks(paths: Paths): Promise<void> {
  if (!areStale(localPaths().locks)) return;
  process.stderr.write("an earlier run ended without giving up its lock; going on from where it was\n");
  await runPulumi(paths, LOCAL, ["cancel", "--yes", "--stack", LOCAL], { capture: true });
}
