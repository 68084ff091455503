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
  /** The bridge existed before, and stays when the resource is deleted. */
  adopted: z.boolean(),
  /** Fingerprint of the kernel's listing right after Hornet wrote the rules; see plan/network/nft.ts. */
  rules: z.array(z.string()),
  /** The droplet before Hornet, a copy of the note in the bridge's folder there (see droplet/network/bridge.sh). */
  before: z.string().default(""),
});

type Inputs = z.infer<typeof bridgeInputs>;
type Outputs = z.infer<typeof outputs>;

function specOf({ name, address, uplink, closed, forwards, owner }: Inputs): BridgeSpec {
  return { name, address, network: networkText(cidrOf(address)), uplink, closed, forwards, owner };
}

/**
 * Whether a bridge of that name exists on the droplet and is not Hornet's.
 *
 * @param before see {@link outputs}
 */
function isAdopted({ name, owner }: Inputs, observed: Observed, before: string): boolean {
  const known = observed.bridges[name] ?? before.split(" ")[1];
  if (known !== undefined) return known === "adopted";
  const seen = observed.links.find((link) => link.name === name);
  return seen !== undefined && seen.alias !== owner;
}

/** Alone: several fleets of one program may share a bridge, and their reads and changes must not interleave. */
function converge(droplet: Droplet, desired: Inputs, before = ""): Promise<Outputs> {
  return droplet.alone(() => convergeAlone(droplet, desired, before));
}

async function convergeAlone(droplet: Droplet, desired: Inputs, before: string): Promise<Outputs> {
  const observed = await droplet.observeToChange(desired, desired.name);
  const spec = specOf(desired);
  const plan = planBridge(spec, observed, isAdopted(desired, observed, before));
  const answer = await droplet.change(desired.name, {
    what: `set up the bridge ${desired.name}`,
    run: "converge_bridge",
    vars: {
      runtime_dir: desired.runtimeDir,
      bridge: desired.name,
      owner: desired.owner,
      address: desired.address,
      mac: bridgeMac(desired.name),
      before,
      host: plan.host.join("\n"),
      forward: plan.enableForwarding ? "1" : "",
      rules: renderTable(bridgeTable(spec)),
      table: bridgeTableName(desired.owner, desired.name),
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
      hint: "list its ports: ip link show master " + name,
    }),
  );
}

/** The droplet's bridge: its address, forwarding and masquerade. Hornet adopts an existing bridge and never deletes it. */
export const definition = owned<Inputs, Outputs>({
  kind: "Bridge",
  inputs: bridgeInputs,
  outputs,
  replaceOn: ["droplet", "owner", "runtimeDir", "name", "address"],
  id: ({ name }) => name,
  create: (droplet, desired) =>
    cleanUpAfter(
      () => converge(droplet, desired),
      () => remove(droplet, desired),
    ),
  read: async (droplet, state) => {
    const observed = await droplet.observe(state, state.name);
    const seen = observed.links.some(({ name }) => name === state.name);
    const tableName = bridgeTableName(state.owner, state.name);
    const table = observed.tables.find(({ name }) => name === tableName);
    if (!seen && table === undefined && observed.bridges[state.name] === undefined) return "gone";
    // The origin on the droplet wins over the state: another stack may have handed its bridge over to this one.
    const origin = observed.bridges[state.name];
    const adopted = origin === undefined ? state.adopted : origin === "adopted";
    const plan = planBridge(specOf(state), observed, adopted);
    const unmarked = origin === undefined ? [`the folder of ${state.name} lost its owner label`] : [];
    const rules = [
      ...tableDrift(tableName, state.rules, table),
      ...earlierRules(droplet, bridgeTable(specOf(state)), state),
    ];
    return {
      outputs: { adopted, rules: state.rules, before: state.before },
      drift: [...unmarked, ...plan.drift, ...rules],
    };
  },
  update: (droplet, state, desired) => converge(droplet, desired, state.before),
  delete: (droplet, state) => remove(droplet, state, state.before),
});
