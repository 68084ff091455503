import { randomUUID } from "node:crypto";
import { z } from "zod";
import type { Call } from "../host/call";
import { HornetError } from "../host/errors";
import type { Observed } from "../plan/observed";
import { commonInputs, makeProvider, type Definition } from "./define";
import { changing, commonVars, observe, observeToChange, sessionFor } from "./droplet";
import { absolutePath, interfaceName, namespaceName } from "./fields";
import { lookAtDroplet, type Seen } from "./preflight";
import { watcherOf } from "./ready";
import { snapshotNeeds } from "./snapshotOutlook";
import { defaults } from "../config/defaults";

const inputs = commonInputs.extend({
  /** The namespaces that the program declares. Others that carry the stack's mark are orphans. */
  namespaces: z.array(namespaceName),
  /** The folder of the artifacts that Hornet makes. */
  dir: absolutePath.default(defaults.artifacts),
  firecracker: absolutePath.default(defaults.firecracker),
  /** The bridge that the clones will be ports of. */
  bridge: interfaceName.default("br0"),
  needs: snapshotNeeds.prefault({}),
});

const outputs = z.object({
  /** What Preflight warned of. */
  warnings: z.array(z.string()).default([]),
  /** Tells this claim from one that replaces it. */
  token: z.string().default(""),
});

type Inputs = z.infer<typeof inputs>;
type Outputs = z.infer<typeof outputs>;

/** The view's name for what is not one resource's own. */
const WHOLE = "the droplet";

/** The tokens of the claims that this operation has made, by owner and machine; see the delete below. */
const made = new Map<string, string>();

function keyOf({ owner }: Inputs, { machine }: Observed): string {
  return `${owner} ${machine}`;
}

/** Holds the droplet against what the fleet needs, by looking only. */
async function preflight(wanted: Inputs, { claims }: Observed): Promise<Seen> {
  return lookAtDroplet({ ...wanted, claims, session: sessionFor(wanted), vars: commonVars(wanted) });
}

/** What does not run now will be started, if all goes well: that is told where clones are waited for. */
function expectClones(wanted: Inputs, { vms }: Observed): void {
  watcherOf(sessionFor(wanted)).expect(wanted.namespaces.filter((name) => vms[name]?.alive !== true).length);
}

/** Preflight, then the sweep: nothing is changed on a droplet that cannot carry the fleet. */
async function claim(wanted: Inputs, keep: readonly string[], token: string): Promise<Outputs> {
  const observed = await observeToChange(wanted, WHOLE);
  expectClones(wanted, observed);
  const { faults, warnings } = await preflight(wanted, observed);
  if (faults.length > 0) {
    throw new HornetError(
      [`${sessionFor(wanted).name} cannot carry this fleet; nothing was changed:`, ...faults].join("\n  - "),
    );
  }
  for (const warning of warnings) console.error(`warning: ${sessionFor(wanted).name}: ${warning}`);
  await sweep(wanted, keep);
  made.set(keyOf(wanted, observed), token);
  return { warnings: [...warnings], token };
}

async function sweep(wanted: Inputs, keep: readonly string[] | "nothing"): Promise<void> {
  const all = keep === "nothing";
  const call: Call = {
    what: all ? "take away all that the stack has on the droplet" : "take away what an earlier run left behind",
    run: "sweep",
    vars: {
      ...commonVars(wanted),
      dir_of_artifacts: wanted.dir,
      keep: all ? "" : keep.join(" "),
      all: all ? "1" : "",
    },
    patience: 5,
  };
  await changing(wanted, WHOLE, () => sessionFor(wanted).call(call));
}

function otherFolder(state: Inputs, wanted: Inputs): string {
  return (
    `${sessionFor(wanted).name}: hornet:vmm.runtimeDir cannot become ${wanted.runtimeDir} while the fleet is in ` +
    `${state.runtimeDir}; nothing was changed\n  next: set it back, or destroy the stack first`
  );
}

const definition: Definition<Inputs, Outputs> = {
  kind: "DropletClaim",
  inputs,
  outputs,
  replaceOn: ["droplet", "owner"],
  // What cannot carry the fleet is to be known before the fleet is taken away from where it is.
  createFirst: true,
  id: ({ owner }) => owner,
  create: (wanted) => claim(wanted, wanted.namespaces, randomUUID()),
  read: async (state) => {
    const observed = await observe(state, WHOLE);
    expectClones(state, observed);
    // The first thing of an operation.
    made.delete(keyOf(state, observed));
    const mine = observed.claims.filter(({ owner }) => owner === state.owner).map(({ name }) => name);
    const orphans = mine.filter((name) => !state.namespaces.includes(name)).map((name) => `${name} was left behind`);
    // Where a snapshot would come from, and what a boot would need, is of no matter to what is there.
    const { files, snapshot } = state.needs;
    const needs = snapshotNeeds.parse({ files, snapshot });
    const { faults } = await preflight({ ...state, namespaces: mine, needs }, observed);
    return { outputs: { warnings: state.warnings, token: state.token }, drift: [...orphans, ...faults] };
  },
  // What the state still knows is deleted by its own resources, which know how; only what nobody knows is swept here.
  update: (state, wanted) => {
    if (state.runtimeDir !== wanted.runtimeDir) throw new HornetError(otherFolder(state, wanted));
    return claim(wanted, [...new Set([...state.namespaces, ...wanted.namespaces])], state.token);
  },
  delete: async (state) => {
    const newer = made.get(keyOf(state, await observe(state, WHOLE)));
    // Replaced, by the same stack's claim to the same machine under another name: all that is there is the new one's.
    if (newer === undefined || newer === state.token) await sweep(state, "nothing");
  },
};

/**
 * The stack's claim to a droplet: the first resource of a fleet and the last to go. It checks that the droplet can carry
 * the fleet before anything is changed, and takes away what carries the stack's mark and stands in no state, because a
 * run was cut off or a state was lost.
 */
export const provider = makeProvider(definition);
