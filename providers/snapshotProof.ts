import { z } from "zod";
import { commonInputs, makeProvider, type Definition } from "./define";
import { commonVars, sessionFor } from "./droplet";

const inputs = commonInputs.extend({
  /** The artifact that the fleet runs: `sha256:…`. */
  digest: z.string().regex(/^sha256:[0-9a-f]{64}$/),
  /** Artifacts that the stack keeps: what was proved of them once stays proved. */
  generations: z.array(z.string()).default([]),
  /** The clones that have passed with it; the proof is made anew when they change. */
  clones: z.array(z.string()),
});

const outputs = z.object({ proved: z.string() });

type Inputs = z.infer<typeof inputs>;
type Outputs = z.infer<typeof outputs>;

const hex = (digest: string): string => digest.slice("sha256:".length);

async function prove(wanted: Inputs): Promise<Outputs> {
  await sessionFor(wanted).call({
    what: "note that the fleet has proved its snapshot",
    run: "write_proof",
    vars: { ...commonVars(wanted), digest: hex(wanted.digest), keep: wanted.generations.map(hex).join(" ") },
  });
  return { proved: wanted.digest };
}

const definition: Definition<Inputs, Outputs> = {
  kind: "SnapshotProof",
  inputs,
  outputs,
  replaceOn: ["droplet", "owner", "runtimeDir"],
  id: ({ owner }) => owner,
  create: prove,
  read: async (state) => {
    const vars = { ...commonVars(state), digest: hex(state.digest) };
    const proofs = await sessionFor(state).call({ what: "ask for a proof", run: "read_proofs", vars });
    const mine = proofs.split("\n").some((line) => line.startsWith(`${state.owner} `));
    return { outputs: { proved: state.proved }, drift: mine ? [] : ["the proof of the snapshot is missing"] };
  },
  update: (_state, wanted) => prove(wanted),
  delete: async (state) => {
    await sessionFor(state).call({ what: "take away the proof", run: "drop_proofs", vars: commonVars(state) });
  },
};

/** The note on a droplet that a fleet there came up, ready and through its smoke tests, on a snapshot. */
export const provider = makeProvider(definition);
