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

/** One resource of a stack and what it hangs on; see bench/floor/index.cjs. */
export type Entry = z.infer<typeof resource> & { readonly name: string };

/** The resources of a stack in the order in which they were made, without the stack itself and its provider. */
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

/** What a clone is made of where its parts are resources, in their order; each hangs on the ones before. */
const PARTS = ["CloneNamespace", "NatRuleSet", "FirecrackerVM"];

/** The same fleet with four resources a clone: a component and its three parts, which can be had by themselves too. */
export function inParts(shape: readonly Entry[]): Entry[] {
  const clones = new Set(shape.filter(({ type }) => type.endsWith(":Clone")).map(({ urn }) => urn));
  const vmOf = (urn: string): string => (clones.has(urn) ? partOf(urn, "FirecrackerVM") : urn);
  return shape.flatMap((one) => {
    const dependencies = one.dependencies.map(vmOf);
    if (!clones.has(one.urn)) return [{ ...one, dependencies }];
    const component: Entry = { ...one, type: "hornet:index:Clone", custom: false, dependencies: [] };
    const parts = PARTS.map((kind, index): Entry => {
      const before = PARTS.slice(0, index).map((part) => partOf(one.urn, part));
      const type = one.type.replace(/Clone$/, kind);
      return { ...one, urn: partOf(one.urn, kind), type, parent: one.urn, dependencies: [...dependencies, ...before] };
    });
    return [component, ...parts];
  });
}

function partOf(urn: string, kind: string): string {
  return `${urn}/${kind}`;
}

/** Properties without the text of a provider, and with as many characters in place of a secret. */
function plain(properties: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const own = Object.entries(properties).filter(([key]) => key !== "__provider");
  return Object.fromEntries(own.map(([key, value]) => [key, sealed.safeParse(value).data?.ciphertext ?? value]));
}
