/**
 * The config of the stack `local`. Pulumi writes into a stack's config file (the salt of the passphrase, and the values of
 * `pulumi config set`), but the file in git must not change. So Pulumi gets a copy, into which every run merges the changes
 * of the file in git; see mergeCopy.
 */
import { existsSync, readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { parse, stringify } from "yaml";
import { readStackFile } from "../../config/stackFile";
import { writeWhole } from "../../host/wholeFile";
import { declaredFleets, type DeclaredFleet } from "../size";
import { mergeCopy } from "./merge";
import { LOCAL, localPaths } from "../../operator/localPaths";

const note =
  "# The stack local's config as Pulumi uses it: Pulumi.local.yaml, and what was set by `npm run pulumi -- config set`.\n" +
  "# Rewritten at every run; a key that changed in Pulumi.local.yaml takes precedence over a value that was set here.\n";

function read(file: string): unknown {
  return existsSync(file) ? parse(readFileSync(file, "utf8")) : undefined;
}

/** Reads the copy, which Pulumi writes too: an empty one has lost its values. */
function readCopy(file: string): unknown {
  if (!existsSync(file)) return undefined;
  try {
    const content = read(file);
    if (typeof content === "object" && content !== null) return content;
  } catch {
    // The error below names the file.
  }
  throw new Error(
    `the config of the stack ${LOCAL}, ${file}, is damaged: the disk may have been full\n  next: remove it, run npm run up, ` +
      "and repeat your npm run pulumi -- config set",
  );
}

/** Merges the changes of Pulumi.local.yaml into the copy. */
export function refreshConfig(): void {
  const { committed, config, base } = localPaths();
  const copy = readCopy(config);
  const merged = mergeCopy(read(base), read(committed), copy);
  if (!isDeepStrictEqual(merged, copy)) writeConfig(merged);
  const text = readFileSync(committed, "utf8");
  // Last: a run that dies before this merges the same changes again.
  if (!existsSync(base) || readFileSync(base, "utf8") !== text) writeWhole(base, text);
}

/** Adds top-level keys, like Pulumi's `encryptionsalt`, to the copy. */
export function addToConfig(keys: Readonly<Record<string, unknown>>): void {
  writeConfig({ ...(read(localPaths().config) as object | undefined), ...keys });
}

function writeConfig(content: unknown): void {
  writeWhole(localPaths().config, note + stringify(content, { lineWidth: 0 }));
}

/** The fleets that the stack's config declares. */
export function localFleets(): readonly DeclaredFleet[] {
  return declaredFleets(readStackFile(localPaths().config).raw);
}
