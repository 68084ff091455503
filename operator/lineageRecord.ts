import { createHash, randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { HornetError, messageOf } from "../host/errors";
import { report } from "../host/printable";
import { writeWhole } from "../host/wholeFile";
import { LINEAGE } from "../model/lineage";
import { backendUrl, filled } from "./backend";

const recordSchema = z.object({ lineage: z.string().regex(LINEAGE), owner: z.string(), backend: z.string() });

/** The operator's record of a stack's lineage, which survives a lost state: one file for each backend and owner. */
function recordFile(owner: string, backend: string): string {
  const state = filled(process.env.XDG_STATE_HOME) ?? join(homedir(), ".local/state");
  const key = createHash("sha256")
    .update(JSON.stringify([backend, owner]))
    .digest("hex")
    .slice(0, 32);
  return join(state, "hornet/lineages", `${key}.json`);
}

/** A new random lineage. */
export function newLineage(): string {
  return randomBytes(8).toString("hex");
}

/**
 * The lineage that this operator has recorded for an owner in the current backend.
 *
 * @throws HornetError that names a damaged record
 */
export function recordedLineage(owner: string): string | undefined {
  const file = recordFile(owner, backendUrl());
  if (!existsSync(file)) return undefined;
  try {
    return recordSchema.parse(JSON.parse(readFileSync(file, "utf8"))).lineage;
  } catch {
    throw new HornetError(`the record of this stack's lineage, ${file}, is damaged`, {
      next:
        "restore it from a backup, or remove it; if the state is lost too, the next refusal names the variable that takes " +
        "the fleet over",
    });
  }
}

/** Records a lineage. Warns if it cannot: the state has the lineage too. */
export function recordLineage(owner: string, lineage: string): void {
  const backend = backendUrl();
  const file = recordFile(owner, backend);
  try {
    writeWhole(file, `${JSON.stringify({ lineage, owner, backend })}\n`);
  } catch (error) {
    report(`warning: the stack's lineage cannot be recorded in ${file}: ${messageOf(error)}`);
  }
}
