import { z } from "zod";
import { HornetError } from "../host/errors";
import { limitDrift, raisedText, type Raise } from "../plan/limits";
import type { Observed } from "../plan/observed";
import { cleanUpAfter, commonInputs, makeProvider, type Definition } from "./define";
import { commonVars, observe, observeToChange, sessionFor, touch } from "./droplet";
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
  /** The limits that this stack raised, as lines "KEY BEFORE TO". */
  raised: z.string().default(""),
});

type Inputs = z.infer<typeof inputs>;
type Outputs = z.infer<typeof outputs>;

/** The view's name for what is not one resource's own. */
const WHOLE = "the droplet";

/** Holds the droplet against what the fleet needs, by looking only. */
async function preflight(wanted: Inputs, { claims, vms }: Observed): Promise<Seen> {
  return lookAtDroplet({ ...wanted, claims, vms, session: sessionFor(wanted), vars: commonVars(wanted) });
}

/** What does not run now will be started, if all goes well: that is told where clones are waited for. */
function expectClones(wanted: Inputs, { vms }: Observed): void {
  watcherOf(sessionFor(wanted)).expect(wanted.namespaces.filter((name) => vms[name]?.alive !== true).length);
}

/**
 * Preflight, then the sweep and the limits: nothing is changed on a droplet that cannot carry the fleet.
 *
 * @param known the limits that were raised before, as the state remembers them; left out, there is no state yet
 */
async function claim(wanted: Inputs, keep: readonly string[], known?: string): Promise<Outputs> {
  const observed = await observeToChange(wanted, WHOLE);
  expectClones(wanted, observed);
  const { faults, warnings, raises, facts } = await preflight(wanted, observed);
  if (faults.length > 0) {
    throw new HornetError(
      [`${sessionFor(wanted).name} cannot carry this fleet; nothing was changed:`, ...faults].join("\n  - "),
    );
  }
  for (const warning of warnings) console.error(`warning: ${sessionFor(wanted).name}: ${warning}`);
  await sweep(wanted, keep, "");
  if (raises.length === 0 && limitDrift(facts, known ?? "").length === 0) {
    return { warnings: [...warnings], raised: raisedText(facts) };
  }
  const raise = (): Promise<string> => raiseLimits(wanted, raises, known ?? "");
  // What fails before there is a state is known to none.
  const raised = known === undefined ? await cleanUpAfter(raise, () => giveBack(wanted)) : await raise();
  return { warnings: [...warnings], raised };
}

async function raiseLimits(wanted: Inputs, raises: readonly Raise[], known: string): Promise<string> {
  for (const { key, to } of raises) {
    console.error(`${sessionFor(wanted).name}: ${key} is raised to ${to}, until this stack is destroyed`);
  }
  return sessionFor(wanted).call({
    what: "raise the limits that the fleet needs",
    run: "raise_limits",
    vars: { ...commonVars(wanted), known, raise: raises.map(({ key, to }) => `${key} ${to}`).join("\n") },
    hint: "raise them yourself with sysctl(8), then Hornet leaves them alone",
  });
}

async function giveBack(wanted: Inputs): Promise<void> {
  const vars = { ...commonVars(wanted), known: "" };
  await sessionFor(wanted).call({ what: "give back the limits that were raised", run: "return_limits", vars });
}

/** @param known with nothing to keep: the limits to be given back, as the state remembers them */
async function sweep(wanted: Inputs, keep: readonly string[] | "nothing", known: string): Promise<void> {
  const all = keep === "nothing";
  touch(wanted, WHOLE);
  await sessionFor(wanted).call({
    what: all ? "take away all that the stack has on the droplet" : "take away what an earlier run left behind",
    run: "sweep",
    vars: {
      ...commonVars(wanted),
      dir_of_artifacts: wanted.dir,
      keep: all ? "" : keep.join(" "),
      all: all ? "1" : "",
      known,
    },
    patience: 5,
  });
}

const definition: Definition<Inputs, Outputs> = {
  kind: "DropletClaim",
  inputs,
  outputs,
  replaceOn: ["droplet", "owner", "runtimeDir"],
  id: ({ owner }) => owner,
  create: (wanted) => claim(wanted, wanted.namespaces),
  read: async (state) => {
    const observed = await observe(state, WHOLE);
    expectClones(state, observed);
    const mine = observed.claims.filter(({ owner }) => owner === state.owner).map(({ name }) => name);
    const orphans = mine.filter((name) => !state.namespaces.includes(name)).map((name) => `${name} was left behind`);
    // Where a snapshot would come from, and what a boot would need, is of no matter to what is there.
    const { files, snapshot, requireCpuFeatures } = state.needs;
    const needs = snapshotNeeds.parse({ files, snapshot, requireCpuFeatures });
    const { faults, raises, facts } = await preflight({ ...state, namespaces: mine, needs }, observed);
    const changed = limitDrift(facts, state.raised);
    const low = raises
      .filter(({ key }) => !changed.some((words) => words.startsWith(key)))
      .map(({ key, to }) => `${key} is too low for the clones on the droplet: it is to be ${to}`);
    return {
      outputs: { warnings: state.warnings, raised: raisedText(facts) || state.raised },
      drift: [...orphans, ...faults, ...changed, ...low],
    };
  },
  // What the state still knows is deleted by its own resources, which know how; only what nobody knows is swept here.
  update: (state, wanted) => claim(wanted, [...new Set([...state.namespaces, ...wanted.namespaces])], state.raised),
  delete: (state) => sweep(state, "nothing", state.raised),
};

/**
 * The stack's claim to a droplet: the first resource of a fleet and the last to go. It checks that the droplet can carry
 * the fleet before anything is changed, and takes away what carries the stack's mark and stands in no state, because a
 * run was cut off or a state was lost.
 */
export const provider = makeProvider(definition);
