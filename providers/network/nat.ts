import { z } from "zod";
import { parseTable } from "../../host/facts";
import { NAT_TABLE, natTable } from "../../plan/network/nat";
import { fingerprint, renderTable, tableDrift } from "../../plan/network/nft";
import { earlierRules } from "./earlierRules";
import { writesStateOnce } from "../operation/pendingClones";
import { cleanUpAfter } from "../kit/cleanUpAfter";
import { commonInputs } from "../kit/definition";
import { owned } from "../kit/owned";
import { commonVars } from "../operation/common";
import type { Droplet } from "../operation/droplet";
import { guestArguments, namespaceArguments, natArguments } from "../../model/arguments/network";
import { ipv4 } from "../../model/values";

/** The arguments of a NatRuleSet. */
export const natInputs = commonInputs.extend({
  namespace: namespaceArguments.namespace,
  /** The clone's own address, without prefix: `10.0.0.9`. */
  address: ipv4,
  guestAddress: guestArguments.guestAddress,
  nsVeth: namespaceArguments.nsVeth,
  tap: guestArguments.tap,
  ...natArguments,
});

/** The outputs of a NatRuleSet. */
export const natOutputs = z.object({
  /** Name and digest of each chain and rule as the kernel listed it right after it was written; see plan/network/nft.ts. */
  rules: z.array(z.string()).default([]),
  /** When Hornet last wrote the rules, an ISO time. It triggers the verification of the clone. */
  changedAt: z.string().default(""),
});

type Inputs = z.infer<typeof natInputs>;
type Outputs = z.infer<typeof natOutputs>;

/** By call, not by change: nothing reads a clone's rules later in an operation, so the view need not be dropped. */
async function converge(droplet: Droplet, desired: Inputs): Promise<Outputs> {
  const answer = await droplet.call({
    what: `set up the packet rules of ${desired.namespace}`,
    run: "apply_rules",
    vars: {
      runtime_dir: desired.runtimeDir,
      namespace: desired.namespace,
      owner: desired.owner,
      table: NAT_TABLE,
      rules: renderTable(natTable(desired)),
      pending: writesStateOnce() ? "1" : "",
    },
  });
  const [listing = "", ms = ""] = answer.split("\n");
  droplet.networkTimings.note(desired.namespace, Number(ms));
  if (writesStateOnce()) droplet.pendingClonesOf(desired).note(desired, desired.namespace);
  return { rules: fingerprint(parseTable(listing)), changedAt: new Date().toISOString() };
}

async function remove(droplet: Droplet, state: Inputs): Promise<void> {
  await droplet.change(state.namespace, {
    what: `remove the packet rules of ${state.namespace}`,
    run: "delete_rules",
    vars: { ...commonVars(state), namespace: state.namespace, table: NAT_TABLE },
  });
}

/** A clone's nft table: SNAT out, DNAT in, forwarding, anti-spoof, published ports, egress policy. */
export const definition = owned<Inputs, Outputs>({
  kind: "NatRuleSet",
  inputs: natInputs,
  outputs: natOutputs,
  replaceOn: ["droplet", "owner", "runtimeDir", "namespace"],
  id: ({ namespace }) => namespace,
  create: (droplet, desired) =>
    cleanUpAfter(
      () => converge(droplet, desired),
      () => remove(droplet, desired),
    ),
  read: async (droplet, state) => {
    const observed = await droplet.observe(state, state.namespace);
    const within = observed.inside[state.namespace];
    if (within === undefined) return "gone";
    const table = within.tables.find(({ name }) => name === NAT_TABLE);
    if (table === undefined && !within.forwarding) return "gone";
    const forwarding = within.forwarding ? [] : [`IPv4 forwarding off in ${state.namespace}`];
    const spoofing = within.strictSource === false ? [`${state.namespace} accepts packets from any source`] : [];
    const earlier = earlierRules(droplet, natTable(state), state);
    const drift = [...tableDrift(NAT_TABLE, state.rules, table), ...earlier, ...forwarding, ...spoofing];
    return { outputs: { rules: state.rules, changedAt: state.changedAt }, drift };
  },
  update: (droplet, _state, desired) => converge(droplet, desired),
  delete: remove,
});
