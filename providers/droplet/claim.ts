import { z } from "zod";
import { commonInputs } from "../kit/definition";
import { owned } from "../kit/owned";
import { commonVars } from "../operation/common";
import type { Droplet } from "../operation/droplet";
import { isClaimed } from "../operation/ownership";
import { snapshotArguments } from "../../model/arguments/snapshot";
import { MOST_CLONES, namespaceName } from "../../model/values";

/** The arguments of a DropletClaim. */
export const claimInputs = commonInputs.extend({
  /** The namespaces that the program declares. Others that carry the stack's mark are orphans. */
  namespaces: z.array(namespaceName).max(MOST_CLONES),
  /** The folder of the artifacts that Hornet makes. */
  dir: snapshotArguments.dir,
});

const outputs = z.object({});

type Inputs = z.infer<typeof claimInputs>;

/** The view's name for what is not one resource's own. */
const WHOLE = "the droplet";

interface Kept {
  /** Namespaces that stay in any case. */
  readonly declared: readonly string[];
  /** Others that stay unless they are noted as begun and not finished. */
  readonly finished: readonly string[];
}

async function sweep(droplet: Droplet, wanted: Inputs, keep: Kept | "nothing"): Promise<object> {
  const all = keep === "nothing";
  await droplet.change(WHOLE, {
    what: all ? "remove all that the stack has on the droplet" : "remove what an earlier run left behind",
    run: "sweep",
    vars: {
      ...commonVars(wanted),
      dir_of_artifacts: wanted.dir,
      declared: all ? "" : keep.declared.join(" "),
      finished: all ? "" : keep.finished.join(" "),
      all: all ? "1" : "",
    },
    patience: 5,
  });
  return {};
}

/**
 * The stack's claim to a droplet: the first of a fleet's resources that changes something there, and the last one to. It
 * takes away what carries the stack's mark and stands in no state, because a run was cut off or a state was lost.
 */
export const definition = owned<Inputs, object>({
  kind: "DropletClaim",
  inputs: claimInputs,
  outputs,
  replaceOn: ["droplet", "owner", "runtimeDir"],
  id: ({ owner }) => owner,
  create: (droplet, wanted) => sweep(droplet, wanted, { declared: wanted.namespaces, finished: [] }),
  read: async (droplet, state) => {
    const { claims } = await droplet.observe(state, WHOLE);
    const mine = claims.filter(({ owner }) => owner === state.owner).map(({ name }) => name);
    const orphans = mine.filter((name) => !state.namespaces.includes(name)).map((name) => `${name} was left behind`);
    // Where all of the folder is gone, its other parts say so, and the first of them that is repaired claims again.
    const marked = claims.some(({ owner, unmarked }) => owner === state.owner && unmarked !== true);
    const unclaimed =
      marked && !(await isClaimed(droplet, state)) ? ["nothing on the droplet says which state owns the fleet"] : [];
    return { outputs: {}, drift: [...orphans, ...unclaimed] };
  },
  // What the state still knows is deleted by its own resources, which know how; only what nobody knows is swept here: of what
  // was declared before, what was begun and never stood in the state.
  update: async (droplet, state, wanted) => {
    await sweep(droplet, wanted, { declared: wanted.namespaces, finished: state.namespaces });
    // A create leaves that to the first resource that makes something, when the state has this one already: a run that is
    // cut off before leaves nothing that no state knows.
    await droplet.change(WHOLE, {
      what: "claim the droplet for this stack's state",
      run: "claim_lineage",
      vars: { ...commonVars(wanted), dir_of_artifacts: wanted.dir },
    });
    return {};
  },
  delete: async (droplet, state) => {
    await sweep(droplet, state, "nothing");
  },
});
