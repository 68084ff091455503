import { z } from "zod";
import { commonInputs, makeProvider, type Definition } from "./define";
import { change, commonVars, observe } from "./droplet";
import { absolutePath, namespaceName } from "./fields";
import { defaults } from "../config/defaults";

const inputs = commonInputs.extend({
  /** The namespaces that the program declares. Others that carry the stack's mark are orphans. */
  namespaces: z.array(namespaceName),
  /** The folder of the artifacts that Hornet makes. */
  dir: absolutePath.default(defaults.artifacts),
});

const outputs = z.object({});

type Inputs = z.infer<typeof inputs>;

/** The view's name for what is not one resource's own. */
const WHOLE = "the droplet";

/** @param known the namespaces that a state may know */
async function sweep(wanted: Inputs, declared: readonly string[] | "nothing", known: readonly string[] = []) {
  const all = declared === "nothing";
  await change(wanted, WHOLE, {
    what: all ? "take away all that the stack has on the droplet" : "take away what an earlier run left behind",
    run: "sweep",
    vars: {
      ...commonVars(wanted),
      dir_of_artifacts: wanted.dir,
      declared: all ? "" : declared.join(" "),
      known: known.join(" "),
      all: all ? "1" : "",
    },
    patience: 5,
  });
  return {};
}

const definition: Definition<Inputs, object> = {
  kind: "DropletClaim",
  inputs,
  outputs,
  replaceOn: ["droplet", "owner", "runtimeDir"],
  id: ({ owner }) => owner,
  create: (wanted) => sweep(wanted, wanted.namespaces),
  read: async (state) => {
    const { claims } = await observe(state, WHOLE);
    const mine = claims.filter(({ owner }) => owner === state.owner).map(({ name }) => name);
    const orphans = mine.filter((name) => !state.namespaces.includes(name)).map((name) => `${name} was left behind`);
    return { outputs: {}, drift: orphans };
  },
  // What the state still knows is deleted by its own resources, which know how; only what nobody knows is swept here. What
  // was declared before and is not finished, no state knows.
  update: (state, wanted) => sweep(wanted, wanted.namespaces, state.namespaces),
  delete: async (state) => {
    await sweep(state, "nothing");
  },
};

/**
 * The stack's claim to a droplet: the first of a fleet's resources that changes something there, and the last one to. It
 * takes away what carries the stack's mark and stands in no state, because a run was cut off or a state was lost.
 */
export const provider = makeProvider(definition);
