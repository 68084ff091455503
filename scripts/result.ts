/** The changes and the clones of the last `up`, from the files that the CLI has written: each run of the CLI costs a second. */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { localPaths } from "../operator/localPaths";

const historySchema = z.object({ resourceChanges: z.record(z.string(), z.number()).default({}) });

const clonesSchema = z.object({
  clones: z
    .array(z.object({ name: z.string(), address: z.string(), ready: z.boolean(), disk: z.string().optional() }))
    .default([]),
});

const stackSchema = z.object({
  checkpoint: z.object({
    latest: z
      .object({ resources: z.array(z.object({ type: z.string(), outputs: z.unknown().optional() })).default([]) })
      .nullish(),
  }),
});

/** The number of resources by operation: `create`, `update`, `same`, … */
export type Changes = Readonly<Record<string, number>>;

/** One clone, as the stack's outputs have it. */
export type CloneRow = z.infer<typeof clonesSchema>["clones"][number];

const read = (file: string): unknown => JSON.parse(readFileSync(file, "utf8"));

/** The changes of the last operation on the stack. */
export function readChanges(): Changes {
  const { history } = localPaths();
  // Each name contains the time in ns.
  const last = readdirSync(history)
    .filter((name) => name.endsWith(".history.json"))
    .sort()
    .at(-1);
  return last === undefined ? {} : historySchema.parse(read(join(history, last))).resourceChanges;
}

/** The clones of the stack, in order. */
export function readClones(): CloneRow[] {
  const { resources = [] } = stackSchema.parse(read(localPaths().stackFile)).checkpoint.latest ?? {};
  const stack = resources.find(({ type }) => type === "pulumi:pulumi:Stack");
  return clonesSchema.parse(stack?.outputs ?? {}).clones;
}
