import { z } from "zod";
import { makeProvider } from "../kit/define";
import { commonInputs, type Definition } from "../kit/definition";
import { owned } from "../operation/owned";
import { ipv4, namespaceName } from "../../model/values";
import { runSmokeTests, smokeTest } from "./smokeTests";

/** The arguments of a SmokeTest. */
export const smokeTestInputs = commonInputs.extend({
  name: namespaceName,
  namespace: namespaceName,
  address: ipv4,
  user: z.string().default("root"),
  /** The key that the clone must answer ssh with. */
  hostKey: z.string(),
  tests: z.array(smokeTest).min(1),
  /** Another value than before runs the tests again. */
  triggers: z.array(z.string()).default([]),
});

const outputs = z.object({ passed: z.string() });

type Inputs = z.infer<typeof smokeTestInputs>;
type Outputs = z.infer<typeof outputs>;

async function run(wanted: Inputs): Promise<Outputs> {
  await runSmokeTests(wanted, wanted.hostKey, wanted.tests);
  return { passed: new Date().toISOString() };
}

const definition: Definition<Inputs, Outputs> = {
  kind: "SmokeTest",
  inputs: smokeTestInputs,
  outputs,
  replaceOn: ["droplet", "owner", "runtimeDir", "namespace"],
  id: ({ name }) => name,
  create: run,
  // A test says something of the moment in which it ran; there is nothing on the droplet to look at.
  read: ({ passed }) => Promise.resolve({ outputs: { passed }, drift: [] }),
  update: (_state, wanted) => run(wanted),
  delete: () => Promise.resolve(),
};

/** Commands that must succeed on the droplet or in a clone whenever what triggers them changes. */
export const provider = makeProvider(owned(definition));
