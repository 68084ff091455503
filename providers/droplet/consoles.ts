import { z } from "zod";
import { consoleDrift, MIB } from "../../plan/consoles";
import { makeProvider } from "../kit/define";
import { commonInputs, type Definition } from "../kit/definition";
import { owned } from "../operation/owned";
import { change, commonVars, observe } from "../operation/droplet";

/** The arguments of a ConsoleKeeper. */
export const consoleInputs = commonInputs.extend({
  /** MiB that a clone's console may have. */
  limit: z.number().int().min(1).default(4),
});

const outputs = z.object({});

type Inputs = z.infer<typeof consoleInputs>;

/** The view's name for what is not one clone's. */
const CONSOLES = "the consoles";

async function keep(wanted: Inputs): Promise<object> {
  await change(wanted, CONSOLES, {
    what: "keep the clones' consoles short",
    run: "keep_consoles",
    vars: { ...commonVars(wanted), console_limit: String(wanted.limit * MIB) },
  });
  return {};
}

const definition: Definition<Inputs, object> = {
  kind: "ConsoleKeeper",
  inputs: consoleInputs,
  outputs,
  replaceOn: ["droplet", "owner", "runtimeDir"],
  id: ({ owner }) => owner,
  create: keep,
  read: async (state) => {
    const observed = await observe(state, CONSOLES);
    return { outputs: {}, drift: consoleDrift(state.limit, observed) };
  },
  update: (_state, wanted) => keep(wanted),
  delete: async (state) => {
    await change(state, CONSOLES, {
      what: "end what keeps the clones' consoles short",
      run: "release_consoles",
      vars: commonVars(state),
    });
  },
};

/** The process on a droplet that keeps what a stack's guests and VMMs write to their consoles short. */
export const provider = makeProvider(owned(definition));
