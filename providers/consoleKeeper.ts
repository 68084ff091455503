import { z } from "zod";
import type { Call } from "../host/call";
import { consoleDrift, MIB } from "../plan/consoles";
import { commonInputs, makeProvider, type Definition } from "./define";
import { changing, commonVars, observe, sessionFor } from "./droplet";

const inputs = commonInputs.extend({
  /** MiB that a clone's console may have. */
  limit: z.number().int().min(1).default(4),
});

const outputs = z.object({});

type Inputs = z.infer<typeof inputs>;

/** The view's name for what is not one clone's. */
const CONSOLES = "the consoles";

async function keep(wanted: Inputs): Promise<object> {
  const call: Call = {
    what: "keep the clones' consoles short",
    run: "keep_consoles",
    vars: { ...commonVars(wanted), console_limit: String(wanted.limit * MIB) },
  };
  await changing(wanted, CONSOLES, () => sessionFor(wanted).call(call));
  return {};
}

const definition: Definition<Inputs, object> = {
  kind: "ConsoleKeeper",
  inputs,
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
    const call: Call = {
      what: "end what keeps the clones' consoles short",
      run: "release_consoles",
      vars: commonVars(state),
    };
    await changing(state, CONSOLES, () => sessionFor(state).call(call));
  },
};

/** The process on a droplet that keeps what a stack's guests and VMMs write to their consoles short. */
export const provider = makeProvider(definition);
