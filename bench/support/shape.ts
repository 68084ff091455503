import { readFileSync } from "node:fs";
import { z } from "zod";

const resource = z.object({
  urn: z.string(),
  type: z.string(),
  custom: z.boolean().default(false),
  parent: z.string().optional(),
  dependencies: z.array(z.string()).default([]),
  deletedWith: z.string().optional(),
});

const stateFile = z.object({
  checkpoint: z.object({ latest: z.object({ resources: z.array(resource).default([]) }) }),
});

/** One resource of a stack and what it hangs on; see bench/floor/index.cjs. */
export type Entry = z.infer<typeof resource> & { readonly name: string };

/** The resources of a stack in the order in which they were made, without the stack itself and its provider. */
export function shapeOf(state: string): Entry[] {
  const { resources } = stateFile.parse(JSON.parse(readFileSync(state, "utf8"))).checkpoint.latest;
  return resources
    .filter(({ type }) => type !== "pulumi:pulumi:Stack" && !type.startsWith("pulumi:providers:"))
    .map((one) => ({ ...one, name: one.urn.slice(one.urn.lastIndexOf("::") + 2) }));
}
