import { z } from "zod";
import { parseTable } from "../../host/facts";
import { bridgeMac, bridgeTable, bridgeTableName, planBridge, type BridgeSpec } from "../../plan/network/bridge";
import { cidrOf, networkText } from "../../model/addresses";
import { fingerprint, renderTable, tableDrift } from "../../plan/network/nft";
import { earlierRules } from "./earlierRules";
import type { Observed } from "../../model/observed";
import { cleanUpAfter } from "../kit/cleanUpAfter";
import { commonInputs } from "../kit/definition";
import { owned } from "../kit/owned";
import { commonVars } from "../operation/common";
import type { Droplet } from "../operation/droplet";
import { bridgeArguments } from "../../model/arguments/network";

/** The arguments of a Bridge. */
export const bridgeInputs = commonInputs.extend(bridgeArguments);

const outputs = z.object({
  /** The bridge was there before, and stays when the resource goes. */
  adopted: z.boolean(),
  /** What the kernel listed right after the rules were written. */
  rules: z.array(z.string()),
  /** What the droplet was like before, as its folder there says (see droplet/network/network.sh). */
  before: z.string().default(""),
});

type Inputs = z.infer<typeof bridgeInputs>;
type Outputs = z.infer<typeof outputs>;

function specOf({ name, address, uplink, closed, forwards, owner }: Inputs): BridgeSpec {
  return { name, address, network: networkText(cidrOf(address)), uplink, closed, forwards, owner };
}

/**
 * True where the droplet has a bridge of that name that is not ours.
 *
 * @param before what the state remembers; see {@link outputs}
 */
function isAdopted({ name, owner }: Inputs, observed: Observed, before: string): boolean {
  const known = observed.bridges[name] ?? before.split(" ")[1];
  if (known !== undefined) return known === "adopted";
  const seen = observed.links.find((link) => link.name === name);
  return seen !== undefined && seen.alias !== owner;
}

/** A bridge may be that of several fleets, whose looks and changes must not mix. */
function converge(droplet: Droplet, wanted: Inputs, before = ""): Promise<Outputs> {
  return droplet.alone(() => convergeAlone(droplet, wanted, before));
}

async function convergeAlone(droplet: Droplet, wanted: Inputs, before: string): Promise<Outputs> {
  const observed = await droplet.observeToChange(wanted, wanted.name);
  const spec = specOf(wanted);
  const plan = planBridge(spec, observed, isAdopted(wanted, observed, before));
  const answer = await droplet.change(wanted.name, {
    what: `set up the bridge ${wanted.name}`,
    run: "converge_bridge",
    vars: {
      runtime_dir: wanted.runtimeDir,
      bridge: wanted.name,
      owner: wanted.owner,
      address: wanted.address,
      mac: bridgeMac(wanted.name),
      before,
      host: plan.host.join("\n"),
      forward: plan.enableForwarding ? "1" : "",
      rules: renderTable(bridgeTable(spec)),
      table: bridgeTableName(wanted.owner, wanted.name),
    },
  });
  const [origin = "", listing = ""] = answer.split("\n");
  return { adopted: origin.split(" ")[1] === "adopted", rules: fingerprint(parseTable(listing)), before: origin };
}

async function remove(droplet: Droplet, state: Inputs, before = ""): Promise<void> {
  const { name, owner, address } = state;
  await droplet.alone(() =>
    droplet.change(name, {
      what: `remove the bridge ${name}`,
      run: "delete_bridge",
      vars: { ...commonVars(state), bridge: name, address, table: bridgeTableName(owner, name), before },
      hint: "look at its ports with: ip link show master " + name,
    }),
  );
}

/** The droplet's bridge: its address, forwarding and masquerade. One that was there before is adopted, never deleted. */
export const definition = owned<Inputs, Outputs>({
  kind: "Bridge",
  inputs: bridgeInputs,
  outputs,
  replaceOn: ["droplet", "owner", "runtimeDir", "name", "address"],
  id: ({ name }) => name,
  create: (droplet, wanted) =>
    cleanUpAfter(
      () => converge(droplet, wanted),
      () => remove(droplet, wanted),
    ),
  read: async (droplet, state) => {
    const observed = await droplet.observe(state, state.name);
    const seen = observed.links.some(({ name }) => name === state.name);
    const tableName = bridgeTableName(state.owner, state.name);
    const table = observed.tables.find(({ name }) => name === tableName);
    if (!seen && table === undefined && observed.bridges[state.name] === undefined) return "gone";
    // A bridge of another stack's that went over to this one is ours from then on.
    const origin = observed.bridges[state.name];
    const adopted = origin === undefined ? state.adopted : origin === "adopted";
    const plan = planBridge(specOf(state), observed, adopted);
    const unmarked = origin === undefined ? [`the folder of ${state.name} lost its owner mark`] : [];
    const rules = [
      ...tableDrift(tableName, state.rules, table),
      ...earlierRules(droplet, bridgeTable(specOf(state)), state),
    ];
    return {
      outputs: { adopted, rules: state.rules, before: state.before },
      drift: [...unmarked, ...plan.drift, ...rules],
    };
  },
  update: (droplet, state, wanted) => converge(droplet, wanted, state.before),
  delete: (droplet, state) => remove(droplet, state, state.before),
});
