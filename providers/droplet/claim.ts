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
  /** The namespaces that the program declares. Others with the stack's owner label are orphans. */
  namespaces: z.array(namespaceName).max(MOST_CLONES),
  /** The folder of the artifacts that Hornet makes. */
  dir: snapshotArguments.dir,
});

const outputs = z.object({});

type Inputs = z.infer<typeof claimInputs>;

/** The view's name for this resource. */
const WHOLE = "the droplet";

interface Kept {
  /** Namespaces that stay. */
  readonly declared: readonly string[];
  /** Namespaces that stay unless their folder records them as pending. */
  readonly finished: readonly string[];
}

async function sweep(droplet: Droplet, desired: Inputs, keep: Kept | "nothing"): Promise<object> {
  const all = keep === "nothing";
  await droplet.change(WHOLE, {
    what: all ? "remove all that the stack has on the droplet" : "remove what an earlier run left behind",
    run: "sweep",
    vars: {
      ...commonVars(desired),
      dir_of_artifacts: desired.dir,
      declared: all ? "" : keep.declared.join(" "),
      finished: all ? "" : keep.finished.join(" "),
      all: all ? "1" : "",
    },
    patience: 5,
  });
  return {};
}

/**
 * The stack's claim to a droplet: the fleet's first resource that changes something there, and the last one to go. It removes
 * things with the stack's owner label that no state knows, because a run was cut off or a state was lost.
 */
export const definition = owned<Inputs, object>({
  kind: "DropletClaim",
  inputs: claimInputs,
  outputs,
  replaceOn: ["droplet", "owner", "runtimeDir"],
  id: ({ owner }) => owner,
  create: (droplet, desired) => sweep(droplet, desired, { declared: desired.namespaces, finished: [] }),
  read: async (droplet, state) => {
    const { claims } = await droplet.observe(state, WHOLE);
    const mine = claims.filter(({ owner }) => owner === state.owner).map(({ name }) => name);
    const orphans = mine.filter((name) => !state.namespaces.includes(name)).map((name) => `${name} was left behind`);
    // If the whole folder is missing, other resources report that, and the first one to be repaired claims again.
    const marked = claims.some(({ owner, unmarked }) => owner === state.owner && unmarked !== true);
    const unclaimed =
      marked && !(await isClaimed(droplet, state)) ? ["nothing on the droplet says which state owns the fleet"] : [];
    return { outputs: {}, drift: [...orphans, ...unclaimed] };
  },
  // Resources in the state delete their own things. The sweep removes only what no state knows: of the namespaces declared
  // before, those that are still pending.
  update: async (droplet, state, desired) => {
    await sweep(droplet, desired, { declared: desired.namespaces, finished: state.namespaces });
    // A create leaves this to the first resource that makes something, because the state has the claim by then: a run that is
    // cut off earlier leaves nothing that no state knows.
    await droplet.change(WHOLE, {
      what: "claim the droplet for this stack's state",
      run: "claim_lineage",
      vars: { ...commonVars(desired), dir_of_artifacts: desired.dir },
    });
    return {};
  },
  // The engine replaces it alone: `up --replace DropletClaim` once removed all clones with their disks.
  delete: async (droplet, state, replaced) => {
    if (!replaced) await sweep(droplet, state, "nothing");
  },
});
