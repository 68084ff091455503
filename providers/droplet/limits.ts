import { z } from "zod";
import { parseKeyValues } from "../../model/keyValues";
import type { DropletFacts } from "../../plan/preflight/facts";
import { judgeLimits, LIMIT_KEYS, limitDrift, raisedText, type Raise } from "../../plan/preflight/limits";
import type { Observed } from "../../model/observed";
import { cleanUpAfter } from "../kit/cleanUpAfter";
import { commonInputs } from "../kit/definition";
import { owned } from "../kit/owned";
import { commonVars } from "../operation/common";
import type { Droplet } from "../operation/droplet";
import { fleetSize } from "../../model/arguments/droplet";
import { report } from "../../host/printable";

/** The arguments of a DropletLimits. */
export const limitsInputs = commonInputs.extend({
  /** Number of clones that the program declares. */
  clones: fleetSize,
});

const outputs = z.object({
  /** The limits that this stack raised, as lines "KEY BEFORE TO". */
  raised: z.string().default(""),
});

type Inputs = z.infer<typeof limitsInputs>;
type Outputs = z.infer<typeof outputs>;

/** The view's name for this resource. */
const LIMITS = "the limits";

/** The kernel limits that are too low for so many clones of this stack, beside those of others. */
interface Shortage {
  readonly facts: DropletFacts;
  readonly raises: readonly Raise[];
}

async function look(droplet: Droplet, common: Inputs, { claims }: Observed, clones?: number): Promise<Shortage> {
  const text = await droplet.call({
    what: "read the limits of the droplet's kernel",
    run: "limit_facts",
    vars: { ...commonVars(common), limits: LIMIT_KEYS.join(" "), bridge: "" },
  });
  const facts = parseKeyValues(text);
  const mine = claims.filter(({ owner }) => owner === common.owner).length;
  const newClones = Math.max(0, (clones ?? mine) - mine);
  // Preflight has already reported limits that cannot be raised.
  const raises = judgeLimits(
    facts,
    { newClones, allClones: claims.length + newClones },
    { fault: () => undefined, warn: () => undefined },
  );
  return { facts, raises };
}

/** @param known the limits that were raised before, as the state remembers them */
async function raise(droplet: Droplet, desired: Inputs, known: string): Promise<Outputs> {
  const { facts, raises } = await look(
    droplet,
    desired,
    await droplet.observeToChange(desired, LIMITS),
    desired.clones,
  );
  if (raises.length === 0 && limitDrift(facts, known).length === 0) return { raised: raisedText(facts) };
  for (const { key, to } of raises) {
    report(`${droplet.name}: ${key} is raised to ${to} until this stack is destroyed`);
  }
  const raised = await droplet.call({
    what: "raise the limits that the fleet needs",
    run: "raise_limits",
    vars: { ...commonVars(desired), known, raise: raises.map(({ key, to }) => `${key} ${to}`).join("\n") },
    hint: "raise them yourself with sysctl(8), then Hornet leaves them alone",
  });
  return { raised };
}

async function restore(droplet: Droplet, state: Inputs, known: string): Promise<void> {
  const vars = { ...commonVars(state), known };
  await droplet.call({ what: "restore the limits that were raised", run: "return_limits", vars });
}

/**
 * The kernel's limits on a droplet, raised as long as the fleet needs it. It comes after the stack's claim, so that a destroy
 * finds the limits that a killed run has raised: the state knows the claim by then.
 */
export const definition = owned<Inputs, Outputs>({
  kind: "DropletLimits",
  inputs: limitsInputs,
  outputs,
  replaceOn: ["droplet", "owner", "runtimeDir"],
  id: ({ owner }) => owner,
  create: (droplet, desired) =>
    cleanUpAfter(
      () => raise(droplet, desired, ""),
      () => restore(droplet, desired, ""),
    ),
  read: async (droplet, state) => {
    const { facts, raises } = await look(droplet, state, await droplet.observe(state, LIMITS));
    const changed = limitDrift(facts, state.raised);
    const low = raises
      .filter(({ key }) => !changed.some((words) => words.startsWith(key)))
      .map(({ key, to }) => `${key} is too low for the clones on the droplet: it must be ${to}`);
    return { outputs: { raised: raisedText(facts) || state.raised }, drift: [...changed, ...low] };
  },
  update: (droplet, state, desired) => raise(droplet, desired, state.raised),
  delete: (droplet, state) => restore(droplet, state, state.raised),
});
