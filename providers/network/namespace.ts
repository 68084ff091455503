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
  /** When the namespace was set up or repaired last, an ISO time. What verifies the clone depends on it. */
  changedAt: z.string().default(""),
});

type Inputs = z.infer<typeof namespaceInputs>;
type Outputs = z.infer<typeof outputs>;

/** The file in a new clone's folder that says that no state is known to have it yet; see operation/pendingClones.ts. */
const PENDING = "begun";

function specOf(wanted: Inputs): NamespaceSpec {
  const macs = vethMacs(wanted.address);
  return { ...wanted, hostMac: macs.host, nsMac: macs.inside };
}

/** Fails before anything is touched where a name is somebody else's, and says whose and the ways out. */
function refuseForeign({ namespace, hostVeth, owner, adopt, address }: Inputs, observed: Observed): void {
  const holder = observed.claims.find(({ name }) => name === namespace)?.owner;
  const elsewhere = "give this fleet other ids (hornet:fleet.startId)";
  if (holder !== undefined && holder !== owner) {
    throw new HornetError(`${namespace} on this droplet belongs to the stack ${ownerName(holder)}`, {
      next: `${elsewhere}, or destroy it there`,
    });
  }
  if (adopt) return;
  const ways = (command: string): string =>
    `take it over (hornet:fleet.adopt: true), remove it (${command}), or ${elsewhere}`;
  const link = observed.links.find(({ name }) => name === hostVeth);
  const whose = link?.alias.startsWith("hornet:") === true ? ` (its mark: the stack ${ownerName(link.alias)})` : "";
  if (holder === undefined && observed.namespaces.includes(namespace)) {
    throw new HornetError(`a network namespace ${namespace} is there already and is not this stack's${whose}`, {
      next: ways(`ip netns del ${namespace}`),
    });
  }
  // Of a stack that was cut off, the link may not have its mark yet; its MAC address it has had from the start.
  const unmarked = holder === owner && link?.mac === vethMacs(address).host;
  if (link !== undefined && link.alias !== owner && !unmarked) {
    throw new HornetError(`a link ${hostVeth} is there already and is not this stack's${whose}`, {
      next: ways(`ip link del ${hostVeth}`),
    });
  }
}

function isUntouched({ namespace, hostVeth }: Inputs, { claims, namespaces, links }: Observed): boolean {
  const names = [...claims, ...links].map(({ name }) => name);
  return !names.includes(namespace) && !names.includes(hostVeth) && !namespaces.includes(namespace);
}

async function create(droplet: Droplet, wanted: Inputs): Promise<Outputs> {
  refuseForeign(wanted, await droplet.observeToChange(wanted, wanted.namespace));
  return cleanUpAfter(
    () => converge(droplet, wanted, PENDING),
    () => remove(droplet, wanted),
  );
}

/** @param note a file that says so in a new folder until a state is known to have the clone; empty: none */
async function converge(droplet: Droplet, wanted: Inputs, note = ""): Promise<Outputs> {
  const observed = await droplet.observeToChange(wanted, wanted.namespace);
  refuseForeign(wanted, observed);
  const plan = planNamespace(specOf(wanted), observed);
  const call: Call<"converge_namespace"> = {
    what: `set up the network of ${wanted.namespace}`,
    run: "converge_namespace",
    vars: {
      runtime_dir: wanted.runtimeDir,
      namespace: wanted.namespace,
      owner: wanted.owner,
      host_veth: wanted.hostVeth,
      note,
      adopt: wanted.adopt ? "1" : "",
      add: plan.addNamespace ? "1" : "",
      inside_first: plan.insideFirst.join("\n"),
      host: plan.host.join("\n"),
      ipv6: plan.addNamespace || plan.refuseIpv6 ? "1" : "",
      inside: plan.inside.join("\n"),
    },
  };
  // Where nothing of the clone existed, the reading stays right: its VM, which comes next, does not exist either.
  const ms = isUntouched(wanted, observed) ? await droplet.call(call) : await droplet.change(wanted.namespace, call);
  droplet.networkTimings.note(wanted.namespace, Number(ms));
  return { changedAt: new Date().toISOString() };
}

async function remove(droplet: Droplet, state: Inputs): Promise<void> {
  await droplet.change(state.namespace, {
    what: `remove the network of ${state.namespace}`,
    run: "delete_namespace",
    vars: { ...commonVars(state), namespace: state.namespace, host_veth: state.hostVeth },
  });
}

/** A clone's network namespace: the veth pair into the bridge, the default route, the tap. First in, last out. */
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
    const unmarked = lost ? [`the folder of ${state.namespace} lost its owner mark`] : [];
    // Nothing is read of a namespace that says by nothing that it is ours, so nothing more can be said of it.
    const drift = claim === undefined ? [] : planNamespace(specOf(state), observed).drift;
    return { outputs: { changedAt: state.changedAt }, drift: [...unmarked, ...drift] };
  },
  update: (droplet, _state, wanted) => converge(droplet, wanted),
  delete: (droplet, state) => remove(droplet, state),
});
