/** The changes and the clones of the last `up`, from the CLI. */
import { z } from "zod";
import { runPulumi, type Paths } from "../automation/cli";
import { LOCAL } from "../operator/localPaths";

const historySchema = z.array(z.object({ resourceChanges: z.record(z.string(), z.number()).default({}) }));

const clonesSchema = z.object({
  clones: z
    .array(z.object({ name: z.string(), address: z.string(), ready: z.boolean(), disk: z.string().optional() }))
    .default([]),
});

/** The number of resources by operation: `create`, `update`, `same`, … */
export type Changes = Readonly<Record<string, number>>;

/** One clone, as the stack's outputs have it. */
export type CloneRow = z.infer<typeof clonesSchema>["clones"][number];

async function ask(paths: Paths, args: readonly string[]): Promise<unknown> {
  const { code, stdout } = await runPulumi(paths, LOCAL, [...args, "--stack", LOCAL, "--json"], { capture: true });
  if (code !== 0) throw new Error(`pulumi ${args.join(" ")} failed with exit code ${code}; see its output above.`);
  return JSON.parse(stdout);
}

/** The changes of the last operation on the stack. */
export async function readChanges(paths: Paths): Promise<Changes> {
  return historySchema.parse(await ask(paths, ["stack", "history", "--page-size", "1"]))[0]?.resourceChanges ?? {};
}

/** The clones of the stack, in order. */
export async function readClones(paths: Paths): Promise<CloneRow[]> {
  return clonesSchema.parse(await ask(paths, ["stack", "output"])).clones;
}
