import { readFileSync } from "node:fs";
import { z } from "zod";

const resource = z.object({
  urn: z.string(),
  type: z.string(),
  custom: z.boolean().default(false),
  parent: z.string().optional(),
  dependencies: z.array(z.string()).default([]),
  deletedWith: z.string().optional(),
  inputs: z.record(z.string(), z.unknown()).default({}),
  outputs: z.record(z.string(), z.unknown()).default({}),
});

const sealed = z.object({ ciphertext: z.string() });

const stateFile = z.object({
  checkpoint: z.object({ latest: z.object({ resources: z.array(resource).default([]) }) }),
});

/** One resource of a stack with its dependencies; see bench/floor/index.cjs. */
export type Entry = z.infer<typeof resource> & { readonly name: string };

/** The resources of a stack in the order of their creation, without the stack itself and its provider. */
export function shapeOf(state: string): Entry[] {
  const { resources } = stateFile.parse(JSON.parse(readFileSync(state, "utf8"))).checkpoint.latest;
  return resources
    .filter(({ type }) => type !== "pulumi:pulumi:Stack" && !type.startsWith("pulumi:providers:"))
    .map(({ inputs, outputs, ...one }) => ({
      ...one,
      name: one.urn.slice(one.urn.lastIndexOf("::") + 2),
      inputs: plain(inputs),
      outputs: plain(outputs),
    }));
}

/** Properties without the provider's text, and with a placeholder of equal length for a secret. */
function plain(properties: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const own = Object.entries(properties).filter(([key]) => key !== "__provider");
  return Object.fromEntries(own.map(([key, value]) => [key, sealed.safeParse(value).data?.ciphertext ?? value]));
}
