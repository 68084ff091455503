import { z } from "zod";
import { parseTable } from "../host/facts";
import { NAT_TABLE, natTable, type NatSpec } from "../plan/nat";
import { condense, expand, fingerprint, renderTable, tableDrift } from "../plan/nft";
import { cleanUpAfter, commonInputs, makeProvider, type Definition } from "./define";
import { change, observe, sessionFor } from "./droplet";
import { cidr, interfaceName, ipv4, namespaceName } from "./fields";
import { noteNetwork } from "./phases";
import { defaults } from "../config/defaults";

const port = z.number().int().min(1).max(65535);

/** What a NatRuleSet is told. */
export const natInputs = commonInputs.extend({
  namespace: namespaceName,
  address: ipv4,
  guestAddress: ipv4.default(defaults.guestAddress),
  nsVeth: interfaceName.default("veth0"),
  tap: interfaceName.default("tap0"),
  publish: z.array(z.object({ port, guestPort: port, protocol: z.enum(["tcp", "udp"]).default("tcp") })).default([]),
  egress: z.array(cidr).optional(),
});

/** What a NatRuleSet knows of itself. */
export const natOutputs = z.object({
  /** Digests of what the kernel listed right after the rules were written; see plan/nft.ts. */
  rules: z.string(),
});

type Inputs = z.infer<typeof natInputs>;
type Outputs = z.infer<typeof natOutputs>;

function specOf(wanted: Inputs): NatSpec {
  return { ...wanted, egress: wanted.egress };
}

/** Later in an operation nobody asks for a clone's rules again, so its reading stays good. */
async function converge(wanted: Inputs): Promise<Outputs> {
  const session = sessionFor(wanted);
  const answer = await session.call({
    what: `set up the packet rules of ${wanted.namespace}`,
    run: "apply_rules",
    vars: {
      runtime_dir: wanted.runtimeDir,
      namespace: wanted.namespace,
      owner: wanted.owner,
      table: NAT_TABLE,
      rules: renderTable(natTable(specOf(wanted))),
    },
  });
  const [listing = "", ms = ""] = answer.split("\n");
  noteNetwork(session, wanted.namespace, Number(ms));
  return { rules: condense(fingerprint(parseTable(listing))) };
}

async function remove(state: Inputs): Promise<void> {
  await change(state, state.namespace, {
    what: `take away the packet rules of ${state.namespace}`,
    run: "delete_rules",
    vars: { runtime_dir: state.runtimeDir, namespace: state.namespace, owner: state.owner, table: NAT_TABLE },
  });
}

/** See {@link provider}. */
export const definition: Definition<Inputs, Outputs> = {
  kind: "NatRuleSet",
  inputs: natInputs,
  outputs: natOutputs,
  replaceOn: ["droplet", "owner", "runtimeDir", "namespace"],
  id: ({ namespace }) => namespace,
  create: (wanted) =>
    cleanUpAfter(
      () => converge(wanted),
      () => remove(wanted),
    ),
  read: async (state) => {
    const observed = await observe(state, state.namespace);
    const within = observed.inside[state.namespace];
    if (within === undefined) return "gone";
    const table = within.tables.find(({ name }) => name === NAT_TABLE);
    if (table === undefined && !within.forwarding) return "gone";
    const forwarding = within.forwarding ? [] : [`IPv4 forwarding off in ${state.namespace}`];
    const drift = [...tableDrift(NAT_TABLE, expand(natTable(specOf(state)), state.rules), table), ...forwarding];
    return { outputs: { rules: state.rules }, drift };
  },
  update: (_state, wanted) => converge(wanted),
  delete: remove,
};

/** A clone's nft table: SNAT out, DNAT in, forwarding, anti-spoof, published ports, egress policy. */
export const provider = makeProvider(definition);
