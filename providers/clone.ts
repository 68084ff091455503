import { isDeepStrictEqual } from "node:util";
import type { z } from "zod";
import { NAT_TABLE } from "../plan/nat";
import { livesOnDisk } from "../plan/vm";
import { noteMade } from "./begun";
import { begin, definition as networkPart, namespaceInputs, removeAfter } from "./cloneNamespace";
import { cleanUpAfter, makeProvider, type CommonInputs, type Definition, type Reading } from "./define";
import { observe, observeToChange } from "./droplet";
import { definition as vmPart, prove } from "./firecrackerVM";
import { definition as rulesPart, natInputs, natOutputs } from "./natRuleSet";
import { vmInputs, vmOutputs } from "./vmInputs";
import { vmFault } from "./vmMetadata";

/**
 * What a Clone is told: all that its parts are told; of the address, which each wants, the form with prefix. Left out, its
 * name is its namespace's.
 */
export const cloneInputs = namespaceInputs
  .extend(natInputs.omit({ address: true }).shape)
  .extend(vmInputs.omit({ address: true }).shape)
  .extend({ name: vmInputs.shape.name.optional() });

/** How a clone's inputs go through the engine; see packed.ts. Its environment, a secret, goes by itself. */
export const clonePacks = {
  place: ["droplet", "owner", "runtimeDir", "vmmTimeout"],
  network: [
    ...["namespace", "bridge", "hostVeth", "nsVeth", "address", "gateway", "isolated", "adopt"],
    ...["tap", "tapMac", "tapAddress", "guestAddress", "publish", "egress"],
  ],
  vm: [
    ...["name", "user", "authorizedKeys", "identity", "loginKeyPath", "agent", "agentService", "firecracker", "kernel"],
    ...["readyTimeout", "shutdownTimeout", "metrics", "smokeTests", "maxUnavailable", "renewDisk"],
  ],
  snapshot: ["artifact"],
} as const satisfies Record<string, readonly (keyof z.infer<typeof cloneInputs>)[]>;

const cloneOutputs = vmOutputs.extend(natOutputs.shape);

type Inputs = z.infer<typeof cloneInputs>;
type Outputs = z.infer<typeof cloneOutputs>;
type State = Inputs & Outputs;

/** One part of a clone, as it was and as it is to be. */
interface Part<I extends CommonInputs, O> {
  readonly definition: Definition<I, O>;
  readonly old: I;
  readonly state: I & O;
  readonly wanted: I;
}

const partInputs = {
  network: (clone: Inputs) => namespaceInputs.parse(clone),
  rules: (clone: Inputs) => natInputs.parse({ ...clone, address: withoutPrefix(clone.address) }),
  vm: (clone: Inputs) => vmInputs.parse({ name: clone.namespace, ...clone, address: withoutPrefix(clone.address) }),
};

function withoutPrefix(cidr: string): string {
  return cidr.slice(0, cidr.indexOf("/"));
}

function partOf<I extends CommonInputs, O>(
  definition: Definition<I, O>,
  inputsOf: (clone: Inputs) => I,
  state: State,
  wanted: Inputs = state,
): Part<I, O> {
  const old = inputsOf(state);
  return { definition, old, state: { ...old, ...definition.outputs.parse(state) }, wanted: inputsOf(wanted) };
}

function partsOf(state: State, wanted?: Inputs) {
  return {
    network: partOf(networkPart, partInputs.network, state, wanted),
    rules: partOf(rulesPart, partInputs.rules, state, wanted),
    vm: partOf(vmPart, partInputs.vm, state, wanted),
  };
}

async function create(wanted: Inputs): Promise<Outputs> {
  const { vms, namespaces } = await observeToChange(wanted, wanted.namespace);
  // Of a create that failed the folder may be there, with the console alone.
  const isThere = namespaces.includes(wanted.namespace) || livesOnDisk(vms[wanted.namespace]);
  const make = async (): Promise<Outputs> => {
    await begin(partInputs.network(wanted));
    const { rules } = await rulesPart.create(partInputs.rules(wanted));
    const vm = await vmPart.create(partInputs.vm(wanted));
    noteMade(wanted, wanted.namespace);
    return { ...vm, rules };
  };
  // What an earlier run left behind has a disk that somebody may want, so a failure leaves it to the next up.
  return isThere ? make() : cleanUpAfter(make, (failure) => removeAfter(failure, partInputs.network(wanted)));
}

async function read(state: State): Promise<Reading<Outputs>> {
  const parts = partsOf(state);
  const { namespaces } = await observe(state, state.namespace);
  const network = await networkPart.read(parts.network.state);
  if (network === "gone") return "gone";
  const rules = await rulesPart.read(parts.rules.state);
  const vm = await vmPart.read(parts.vm.state);
  // Of a namespace that is missing that is said already.
  const withoutRules = namespaces.includes(state.namespace) ? [`nft table ${NAT_TABLE} missing`] : [];
  const words = [
    ...network.drift,
    ...(rules === "gone" ? withoutRules : rules.drift),
    ...(vm === "gone" ? [] : vm.drift),
  ];
  return { outputs: { ...(vm === "gone" ? vmOutputs.parse(state) : vm.outputs), rules: state.rules }, drift: words };
}

/** All is looked at before anything is changed; a part that is as declared is not touched. */
async function update(state: State, wanted: Inputs): Promise<Outputs> {
  await observeToChange(wanted, wanted.namespace);
  const parts = partsOf(state, wanted);
  const network = await mending(parts.network);
  const rules = await mending(parts.rules);
  const vm = await mending(parts.vm);
  await network.mend();
  const { rules: written } = await rules.mend();
  const outputs = { ...(await vm.mend()), rules: written };
  // The VM's part tries a clone that it changed; of what changed around it it knows nothing.
  if (!vm.needed) await prove(parts.vm.wanted, outputs.sshHostKey);
  return outputs;
}

/** Looks at a part; gives what brings it to what is declared, which may be nothing. */
async function mending<I extends CommonInputs, O>(
  part: Part<I, O>,
): Promise<{ needed: boolean; mend: () => Promise<O> }> {
  const { definition, old, state, wanted } = part;
  const reading = await definition.read(state);
  if (reading === "gone" || reading.drift.length > 0 || !isDeepStrictEqual(old, wanted)) {
    return { needed: true, mend: () => definition.update(state, wanted) };
  }
  return { needed: false, mend: () => Promise.resolve(reading.outputs) };
}

const definition: Definition<Inputs, Outputs> = {
  kind: "Clone",
  inputs: cloneInputs,
  outputs: cloneOutputs,
  packs: clonePacks,
  replaceOn: ["droplet", "owner", "runtimeDir", "namespace", "hostVeth", "nsVeth", "tap"],
  id: ({ namespace }) => namespace,
  fault: (clone) => vmFault(partInputs.vm(clone)),
  create,
  read,
  update,
  delete: async (state) => {
    const { network, vm } = partsOf(state);
    await vmPart.delete(vm.state);
    // The rules die with the namespace.
    await networkPart.delete(network.state);
  },
};

/**
 * One clone as one resource: its namespace, its packet rules, its VM, in this order. Its parts are those of CloneNamespace,
 * NatRuleSet and FirecrackerVM; three resources in place of one would make a fleet of hundreds three times as dear in the
 * engine, which is paid for by the resource.
 */
export const provider = makeProvider(definition);
