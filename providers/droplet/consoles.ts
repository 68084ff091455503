import { z } from "zod";
import { consoleDrift, MIB } from "../../plan/consoles";
import { commonInputs } from "../kit/definition";
import { owned } from "../kit/owned";
import { commonVars } from "../operation/common";
import type { Droplet } from "../operation/droplet";
import { consoleLimit } from "../../model/arguments/droplet";

/** The arguments of a ConsoleKeeper. */
export const consoleInputs = commonInputs.extend({
  /** MiB that a clone's console may have. */
  limit: consoleLimit,
});

const outputs = z.object({});

type Inputs = z.infer<typeof consoleInputs>;

/** The view's name for what is not one clone's. */
const CONSOLES = "the consoles";

async function keep(droplet: Droplet, wanted: Inputs): Promise<object> {
  await droplet.change(CONSOLES, {
    what: "keep the clones' consoles short",
    run: "keep_consoles",
    vars: { ...commonVars(wanted), console_limit: String(wanted.limit * MIB) },
  });
  return {};
}

/** The process on a droplet that keeps what a stack's guests and VMMs write to their consoles short. */
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
  update: (droplet, _state, wanted) => keep(droplet, wanted),
  delete: async (droplet, state) => {
    await droplet.change(CONSOLES, {
      what: "end what keeps the clones' consoles short",
      run: "release_consoles",
      vars: commonVars(state),
    });
  },
});
