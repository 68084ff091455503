import { z } from "zod";
import { commonInputs, makeProvider, type Definition } from "./define";
import { commonVars, observe, sessionFor, touch } from "./droplet";
import { absolutePath, namespaceName } from "./fields";

const inputs = commonInputs.extend({
  /** The namespaces that the program declares. Others that carry the stack's mark are orphans. */
  namespaces: z.array(namespaceName),
  /** The folder of the artifacts that Hornet makes. */
  dir: absolutePath,
});

const outputs = z.object({});

type Inputs = z.infer<typeof inputs>;
type Outputs = z.infer<typeof outputs>;

/** The view's name for what is not one resource's own. */
const WHOLE = "the droplet";

async function sweep(wanted: Inputs, keep: readonly string[], all: boolean): Promise<Outputs> {
  touch(wanted, WHOLE);
  await sessionFor(wanted).call({
    what: all ? "take away all that the stack has on the droplet" : "take away what an earlier run left behind",
    run: "sweep",
    vars: { ...commonVars(wanted), dir_of_artifacts: wanted.dir, keep: keep.join(" "), all: all ? "1" : "" },
    patience: 5,
  });
  return {};
}

const definition: Definition<Inputs, Outputs> = {
  kind: "DropletClaim",
  inputs,
  outputs,
  replaceOn: ["droplet", "owner", "runtimeDir"],
  id: ({ owner }) => owner,
  create: (wanted) => sweep(wanted, wanted.namespaces, false),
  read: async (state) => {
    const { claims } = await observe(state, WHOLE);
    const mine = claims.filter(({ owner }) => owner === state.owner).map(({ name }) => name);
    const orphans = mine.filter((name) => !state.namespaces.includes(name));
    return { outputs: {}, drift: orphans.map((name) => `${name} was left behind`) };
  },
  // What the state still knows is deleted by its own resources, which know how; only what nobody knows is swept here.
  update: (state, wanted) => sweep(wanted, [...new Set([...state.namespaces, ...wanted.namespaces])], false),
  delete: async (state) => {
    await sweep(state, [], true);
  },
};

/**
 * The stack's claim to a droplet: the first resource of a fleet and the last to go. It takes away what carries the
 * stack's mark and stands in no state, because a run was cut off or a state was lost.
 */
export const provider = makeProvider(definition);
