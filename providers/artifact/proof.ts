import { digestHex } from "../../model/layout";
import type { VarsOf } from "../../host/session/calls";
import { z } from "zod";
import { commonInputs } from "../kit/definition";
import { owned } from "../kit/owned";
import { commonVars } from "../operation/common";
import type { Droplet } from "../operation/droplet";
import { digest, namespaceName } from "../../model/values";
import { report } from "../../host/printable";

/** The arguments of a SnapshotProof. */
export const proofInputs = commonInputs.extend({
  /** The artifact that the fleet runs: `sha256:…`. */
  digest,
  /** Artifacts that the stack keeps; their proofs stay. */
  generations: z.array(digest).default([]),
  /** The clones that have passed with it; the proof is made again when they change. */
  clones: z.array(namespaceName),
});

/** `proved` is empty while clones run another snapshot. */
const outputs = z.object({ proved: z.string() });

type Inputs = z.infer<typeof proofInputs>;
type Outputs = z.infer<typeof outputs>;

async function prove(droplet: Droplet, desired: Inputs): Promise<Outputs> {
  const others = await droplet.call({
    what: "record that the fleet has proved its snapshot",
    run: "write_proof",
    vars: { ...varsOf(desired), keep: desired.generations.map(digestHex).join(" ") },
  });
  if (others === "") return { proved: desired.digest };
  report(
    `${others.split("\n").join(", ")} on ${droplet.name} still run the damaged snapshot, which was made again as ${desired.digest}; ` +
      "it is not proved until each of them was replaced (pulumi up --replace URN) and one more up has checked them",
  );
  return { proved: "" };
}

function varsOf(of: Inputs): VarsOf<"list_others" | "read_proofs"> {
  return { ...commonVars(of), digest: digestHex(of.digest), clones: of.clones.join(" ") };
}

/** Drift messages: how the recorded proof differs from the current one. */
async function driftOf(droplet: Droplet, state: Inputs & Outputs): Promise<string[]> {
  const vars = varsOf(state);
  if (state.proved === "") {
    const others = await droplet.call({ what: "ask what clones run", run: "list_others", vars });
    return others === "" ? ["all clones run the snapshot by now"] : [];
  }
  const proofs = await droplet.call({ what: "ask for a proof", run: "read_proofs", vars });
  const mine = proofs.split("\n").some((line) => line.startsWith(`${state.owner} `));
  return mine ? [] : ["the proof of the snapshot is missing"];
}

/** The record on a droplet that a fleet became ready and passed its smoke tests on a snapshot. */
export const definition = owned<Inputs, Outputs>({
  kind: "SnapshotProof",
  inputs: proofInputs,
  outputs,
  awaited: ["digest", "generations", "clones"],
  replaceOn: ["droplet", "owner", "runtimeDir"],
  id: ({ owner }) => owner,
  create: prove,
  read: async (droplet, state) => ({ outputs: { proved: state.proved }, drift: await driftOf(droplet, state) }),
  update: (droplet, _state, desired) => prove(droplet, desired),
  delete: async (droplet, state) => {
    await droplet.call({ what: "remove the proof", run: "drop_proofs", vars: commonVars(state) });
  },
});
