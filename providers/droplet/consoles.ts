import { z } from "zod";
import { consoleDrift, MIB } from "../../plan/consoles";
import { commonInputs } from "../kit/definition";
import { owned } from "../kit/owned";
import { commonVars } from "../operation/common";
import type { Droplet } from "../operation/droplet";
import { consoleLimit } from "../../model/arguments/droplet";

/** The arguments of a ConsoleKeeper. */
export const consoleInputs = commonInputs.extend({
  /** Maximum size of a clone's console in MiB. */
  limit: consoleLimit,
});

const outputs = z.object({});

type Inputs = z.infer<typeof consoleInputs>;

/** The view's name for this resource. */
const CONSOLES = "the consoles";

async function keep(droplet: Droplet, desired: Inputs): Promise<object> {
  await droplet.change(CONSOLES, {
    what: "start the console keeper",
    run: "keep_consoles",
    vars: { ...commonVars(desired), console_limit: String(desired.limit * MIB) },
  });
  return {};
}

/** The process on a droplet that limits the size of the consoles of a stack's clones. */
export const definition = owned<Inputs, object>({
  kind: "ConsoleKeeper",
  inputs: consoleInputs,
  outputs,
  replaceOn: ["droplet", "owner", "runtimeDir"],
  id: ({ owner }) => owner,
  create: keep,
  read: async (droplet, state) => {
    const observed = await droplet.observe(state, CONSOLES);
    return { outputs: {}, drift: consoleDrift(state.limit, observed) };
  },
  update: (droplet, _state, desired) => keep(droplet, desired),
  delete: async (droplet, state) => {
    await droplet.change(CONSOLES, {
      what: "end the keeper of the clones' consoles",
      run: "release_consoles",
      vars: commonVars(state),
    });
  },
});
