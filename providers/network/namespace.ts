import { z } from "zod";
import { ownerName } from "../../model/owner";
import type { Call } from "../../host/session/call";
import { HornetError } from "../../host/errors";
import { vethMacs } from "../../model/macs";
import { planNamespace, type NamespaceSpec } from "../../plan/network/namespace";
import type { Observed } from "../../model/observed";
import { cleanUpAfter } from "../kit/cleanUpAfter";
import { commonInputs } from "../kit/definition";
import { owned } from "../kit/owned";
import { commonVars } from "../operation/common";
import type { Droplet } from "../operation/droplet";
import { guestArguments, namespaceArguments } from "../../model/arguments/network";

/** The arguments of a CloneNamespace. */
export const namespaceInputs = commonInputs.extend({
  ...namespaceArguments,
  tap: guestArguments.tap,
  tapMac: guestArguments.tapMac,
  tapAddress: guestArguments.tapAddress,
});

const outputs = z.object({
  /** When Hornet last set up or repaired the namespace, an ISO time. It triggers the verification of the clone. */
  changedAt: z.string().default(""),
});

type Inputs = z.infer<typeof namespaceInputs>;
type Outputs = z.infer<typeof outputs>;

/** The file in a clone's folder until a state is known to have the clone; see operation/pendingClones.ts. */
const PENDING = "begun";

function specOf(desired: Inputs): NamespaceSpec {
  const macs = vethMacs(desired.address);
  return { ...desired, hostMac: macs.host, nsMac: macs.inside };
}

/** Fails before any change where a name belongs to somebody else. The error names the owner and the ways out. */
function refuseForeign({ namespace, hostVeth, owner, adopt, address }: Inputs, observed: Observed): void {
  const holder = observed.claims.find(({ name }) => name === namespace)?.owner;
  const elsewhere = "give this fleet other ids (hornet:fleet.startId)";
  if (holder !== undefined && holder !== owner) {
    throw new HornetError(`${namespace} on this droplet belongs to the stack ${ownerName(holder)}`, {
      next: `${elsewhere}, or destroy it there`,
    });
  }
  if (adopt) return;
  const waysOut = (command: string): string =>
    `adopt it (hornet:fleet.adopt: true), delete it (${command}), or ${elsewhere}`;
  const link = observed.links.find(({ name }) => name === hostVeth);
  const whose =
    link?.alias.startsWith("hornet:") === true ? ` (its owner label names the stack ${ownerName(link.alias)})` : "";
  if (holder === undefined && observed.namespaces.includes(namespace)) {
    throw new HornetError(`network namespace ${namespace} already exists and does not belong to this stack${whose}`, {
      next: waysOut(`ip netns del ${namespace}`),
    });
  }
  // A link of an operation that was cut off may lack its owner label, but has had our MAC address from the start.
  const unlabelled = holder === owner && link?.mac === vethMacs(address).host;
  if (link !== undefined && link.alias !== owner && !unlabelled) {
    throw new HornetError(`link ${hostVeth} already exists and does not belong to this stack${whose}`, {
      next: waysOut(`ip link del ${hostVeth}`),
    });
  }
}

function isUntouched({ namespace, hostVeth }: Inputs, { claims, namespaces, links }: Observed): boolean {
  const names = [...claims, ...links].map(({ name }) => name);
  return !names.includes(namespace) && !names.includes(hostVeth) && !namespaces.includes(namespace);
}

async function create(droplet: Droplet, desired: Inputs): Promise<Outputs> {
  refuseForeign(desired, await droplet.observeToChange(desired, desired.namespace));
  return cleanUpAfter(
    () => converge(droplet, desired, PENDING),
    () => remove(droplet, desired),
  );
}

/** @param note name of a file that a new folder gets, see {@link PENDING}; empty: none */
async function converge(droplet: Droplet, desired: Inputs, note = ""): Promise<Outputs> {
  const observed = await droplet.observeToChange(desired, desired.namespace);
  refuseForeign(desired, observed);
  const plan = planNamespace(specOf(desired), observed);
  const call: Call<"converge_namespace"> = {
    what: `set up the network of ${desired.namespace}`,
    run: "converge_namespace",
    vars: {
      runtime_dir: desired.runtimeDir,
      namespace: desired.namespace,
      owner: desired.owner,
      host_veth: desired.hostVeth,
      note,
      adopt: desired.adopt ? "1" : "",
      add: plan.addNamespace ? "1" : "",
      inside_first: plan.insideFirst.join("\n"),
      host: plan.host.join("\n"),
      ipv6: plan.addNamespace || plan.refuseIpv6 ? "1" : "",
      inside: plan.inside.join("\n"),
    },
  };
  // Where nothing of the clone existed, what was read about its VM stays right: it does not exist, and it comes next.
  const ms = isUntouched(desired, observed) ? await droplet.call(call) : await droplet.change(desired.namespace, call);
  droplet.networkTimings.note(desired.namespace, Number(ms));
  return { changedAt: new Date().toISOString() };
}

async function remove(droplet: Droplet, state: Inputs): Promise<void> {
  await droplet.change(state.namespace, {
    what: `remove the network of ${state.namespace}`,
    run: "delete_namespace",
    vars: { ...commonVars(state), namespace: state.namespace, host_veth: state.hostVeth },
  });
}

/** A clone's network namespace: the veth pair into the bridge, the default route, the tap. Created first, deleted last. */
export const definition = owned<Inputs, Outputs>({
  kind: "CloneNamespace",
  inputs: namespaceInputs,
  outputs,
  replaceOn: ["droplet", "owner", "runtimeDir", "namespace", "hostVeth", "nsVeth", "tap"],
  id: ({ namespace }) => namespace,
  create,
  read: async (droplet, state) => {
    const observed = await droplet.observe(state, state.namespace);
    const claim = observed.claims.find(({ name, owner }) => name === state.namespace && owner === state.owner);
    if (claim === undefined && !observed.namespaces.includes(state.namespace)) return "gone";
    const lost = claim?.unmarked === true || claim === undefined;
    const unmarked = lost ? [`the folder of ${state.namespace} lost its owner label`] : [];
    // Hornet does not read a namespace without its owner label, so its drift is unknown.
    const drift = claim === undefined ? [] : planNamespace(specOf(state), observed).drift;
    return { outputs: { changedAt: state.changedAt }, drift: [...unmarked, ...drift] };
  },
  update: (droplet, _state, desired) => converge(droplet, desired),
  delete: (droplet, state) => remove(droplet, state),
});
