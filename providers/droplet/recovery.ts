import { z } from "zod";
import { recoveryKeeperDrift } from "../../plan/recovery";
import { commonInputs } from "../kit/definition";
import { owned } from "../kit/owned";
import { commonVars } from "../operation/common";
import type { Droplet } from "../operation/droplet";

/** The arguments of a RecoveryKeeper. */
export const recoveryInputs = commonInputs.extend({});

const outputs = z.object({});

type Inputs = z.infer<typeof recoveryInputs>;

/** The view's name for this resource. */
const RECOVERY = "the recovery";

async function keep(droplet: Droplet, desired: Inputs): Promise<object> {
  const { text, digest } = droplet.session.scripts;
  await droplet.change(RECOVERY, {
    what: "start the recovery keeper",
    run: "keep_recovery",
    vars: { ...commonVars(desired), library_digest: digest },
    stdin: text,
    hint: "set hornet:vmm.recovery.restart to never to do without it",
  });
  return {};
}

/** The process on a droplet that restarts VMMs of a stack's clones between two operations. */
export const definition = owned<Inputs, object>({
  kind: "RecoveryKeeper",
  inputs: recoveryInputs,
  outputs,
  replaceOn: ["droplet", "owner", "runtimeDir"],
  id: ({ owner }) => owner,
  create: keep,
  read: async (droplet, state) => {
    const observed = await droplet.observe(state, RECOVERY);
    return { outputs: {}, drift: recoveryKeeperDrift(droplet.session.scripts.digest, observed) };
  },
  update: (droplet, _state, desired) => keep(droplet, desired),
  delete: async (droplet, state) => {
    await droplet.change(RECOVERY, {
      what: "end the recovery keeper",
      run: "release_recovery",
      vars: commonVars(state),
    });
  },
});
