import { z } from "zod";
import { commonInputs } from "../kit/definition";
import { owned } from "../kit/owned";
import { runSmokeTests } from "./smokeTests";
import type { Droplet } from "../operation/droplet";
import { smokeTest, vmArguments } from "../../model/arguments/vm";
import { hostKey, ipv4, namespaceName, plainText } from "../../model/values";

/** The arguments of a SmokeTest. */
export const smokeTestInputs = commonInputs.extend({
  name: namespaceName,
  namespace: namespaceName,
  address: ipv4,
  user: vmArguments.user,
  /** The key that the clone must answer ssh with. */
  hostKey,
  tests: z.array(smokeTest).min(1),
  /** Another value than before runs the tests again. */
  triggers: z.array(plainText).default([]),
});

const outputs = z.object({ passed: z.string() });

type Inputs = z.infer<typeof smokeTestInputs>;
type Outputs = z.infer<typeof outputs>;

async function run(droplet: Droplet, wanted: Inputs): Promise<Outputs> {
  await runSmokeTests(droplet, wanted, wanted.hostKey, wanted.tests);
  return { passed: new Date().toISOString() };
}

/** Commands that must succeed on the droplet or in a clone whenever what triggers them changes. */
export const definition = owned<Inputs, Outputs>({
  kind: "SmokeTest",
  inputs: smokeTestInputs,
  outputs,
  replaceOn: ["droplet", "owner", "runtimeDir", "namespace"],
  id: ({ name }) => name,
  create: run,
  // A test says something of the moment in which it ran; there is nothing on the droplet to look at.
  read: (_droplet, { passed }) => Promise.resolve({ outputs: { passed }, drift: [] }),
  update: (droplet, _state, wanted) => run(droplet, wanted),
  delete: () => Promise.resolve(),
});
