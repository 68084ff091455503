import { z } from "zod";
import { report } from "../../host/printable";
import { hardenPoints } from "../../model/arguments/droplet";
import { parseKeyValues } from "../../model/keyValues";
import type { DropletFacts } from "../../plan/preflight/facts";
import { hardenedText, hardeningDrift, hardeningOf, valueOf } from "../../plan/preflight/hardening";
import { cleanUpAfter } from "../kit/cleanUpAfter";
import { commonInputs } from "../kit/definition";
import { owned } from "../kit/owned";
import { commonVars } from "../operation/common";
import type { Droplet } from "../operation/droplet";

/** The arguments of a DropletHardening. */
export const hardeningInputs = commonInputs.extend({
  /** What Hornet sets. */
  harden: hardenPoints,
});

const outputs = z.object({
  /** What was changed, as lines "KEY BEFORE TO". */
  changed: z.string().default(""),
});

type Inputs = z.infer<typeof hardeningInputs>;
type Outputs = z.infer<typeof outputs>;

/** The view's name for this resource. */
const HARDENING = "the hardening";

async function look(droplet: Droplet, common: Inputs): Promise<DropletFacts> {
  const vars = commonVars(common);
  return parseKeyValues(await droplet.call({ what: "read what can be hardened", run: "hardening_facts", vars }));
}

/** @param known what was changed before, as the state remembers it */
async function harden(droplet: Droplet, desired: Inputs, known: string): Promise<Outputs> {
  await droplet.observeToChange(desired, HARDENING);
  const facts = await look(droplet, desired);
  const changes = hardeningOf(facts, desired.harden);
  for (const { key, to } of changes) {
    report(`${droplet.name}: ${key} is set from ${valueOf(facts, key) ?? ""} to ${to} until this stack is destroyed`);
  }
  const changed = await droplet.call({
    what: "harden the droplet",
    run: "harden_droplet",
    vars: {
      ...commonVars(desired),
      known,
      points: desired.harden.join(" "),
      harden: changes.map(({ key, to }) => `${key} ${to}`).join("\n"),
    },
    hint: "hornet:droplet.harden can be a list, without what this droplet does not let Hornet set",
  });
  return { changed };
}

async function release(droplet: Droplet, state: Inputs, known: string): Promise<void> {
  const vars = { ...commonVars(state), known };
  await droplet.call({ what: "give back what was hardened", run: "release_hardening", vars });
}

/** What Hornet sets on a droplet so that its walls around VMMs hold better, for as long as the stack is there. */
export const definition = owned<Inputs, Outputs>({
  kind: "DropletHardening",
  inputs: hardeningInputs,
  outputs,
  replaceOn: ["droplet", "owner", "runtimeDir"],
  id: ({ owner }) => owner,
  create: (droplet, desired) =>
    cleanUpAfter(
      () => harden(droplet, desired, ""),
      () => release(droplet, desired, ""),
    ),
  read: async (droplet, state) => {
    await droplet.observe(state, HARDENING);
    const facts = await look(droplet, state);
    const changed = hardeningDrift(facts, state.changed);
    const weak = hardeningOf(facts, state.harden)
      .filter(({ key }) => !changed.some((words) => words.startsWith(`${key} `)))
      .map(({ key, to }) => `${key} is ${valueOf(facts, key) ?? ""}; hornet:droplet.harden sets it to ${to}`);
    return { outputs: { changed: hardenedText(facts) || state.changed }, drift: [...changed, ...weak] };
  },
  update: (droplet, state, desired) => harden(droplet, desired, state.changed),
  delete: (droplet, state) => release(droplet, state, state.changed),
});
