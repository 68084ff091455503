import { z } from "zod";
import { HornetError } from "../../host/errors";
import type { Observed } from "../../model/observed";
import { commonInputs } from "../kit/definition";
import { owned } from "../kit/owned";
import { commonVars } from "../operation/common";
import type { Droplet } from "../operation/droplet";
import { bridgeArguments, egressList, serviceList } from "../../model/arguments/network";
import { limitFields } from "../../model/arguments/limits";
import { hardenPoints } from "../../model/arguments/droplet";
import { snapshotArguments } from "../../model/arguments/snapshot";
import { vmArguments } from "../../model/arguments/vm";
import { cloneNumber, ipv4, MOST_CLONES, namespaceName, plainText } from "../../model/values";
import { lookAtDroplet, type Seen } from "./preflight";
import { snapshotNeeds } from "../artifact/locate";
import { report } from "../../host/printable";

/** The arguments of a DropletCheck. */
export const checkInputs = commonInputs.extend({
  /** The namespaces that the program declares. */
  namespaces: z.array(namespaceName).max(MOST_CLONES),
  /** The folder of the artifacts that Hornet makes. */
  dir: snapshotArguments.dir,
  firecracker: vmArguments.firecracker,
  jailer: vmArguments.jailer,
  /** The bridge of the clones. */
  bridge: bridgeArguments.name,
  /** The fleet's network; without it Preflight judges none. */
  network: z
    .strictObject({
      address: bridgeArguments.address,
      /** The clone that gets the network's first free address. Default: 0 */
      firstId: cloneNumber.optional(),
      uplink: bridgeArguments.uplink,
      closed: bridgeArguments.closed,
      forwards: bridgeArguments.forwards,
      services: serviceList.default([]),
      /** Clones by what they may open connections to. */
      guests: z
        .array(z.strictObject({ clones: z.array(ipv4).min(1).max(MOST_CLONES), egress: egressList }))
        .max(MOST_CLONES),
    })
    .optional(),
  needs: snapshotNeeds.prefault({}),
  /** The limits of VMMs that the config declares, by the keys that hold them. */
  limits: z
    .array(z.strictObject({ key: plainText, cpus: limitFields.cpus, memory: limitFields.memory }))
    .max(MOST_CLONES)
    .default([]),
  harden: hardenPoints.default([]),
});

const outputs = z.object({
  /** Preflight's warnings. */
  warnings: z.array(z.string()).default([]),
  /** The Firecracker versions there, and which of the fleet's snapshots runs on which. */
  versions: z.array(z.string()).default([]),
  /** Those of the warnings that say who cannot reach what. */
  lost: z.array(z.string()).default([]),
});

type Inputs = z.infer<typeof checkInputs>;
type Outputs = z.infer<typeof outputs>;

/** The view's name for this resource. */
const CHECK = "the check";

/** Compares the droplet with the fleet's needs; changes nothing. */
async function preflight(droplet: Droplet, desired: Inputs, { claims, vms, bridges }: Observed): Promise<Seen> {
  const { bridge, owner } = desired;
  return lookAtDroplet({
    ...desired,
    network: desired.network && { ...desired.network, bridge, owner, known: Object.keys(bridges) },
    claims,
    vms,
    session: droplet.session,
    sessionWith: (connection) => droplet.peer(connection).session,
    vars: commonVars(desired),
  });
}

/** Announces the clones that do not run now to the ready watcher: this operation will start them. */
function expectClones(droplet: Droplet, desired: Inputs, { vms }: Observed): void {
  droplet.readyWatcher.expect(desired.namespaces.filter((name) => vms[name]?.alive !== true).length);
}

async function check(droplet: Droplet, desired: Inputs): Promise<Outputs> {
  const observed = await droplet.observeToChange(desired, CHECK);
  expectClones(droplet, desired, observed);
  const { faults, warnings, lost, versions, hostWarnings } = await preflight(droplet, desired, observed);
  if (faults.length > 0) {
    throw new HornetError(`${droplet.name} cannot carry this fleet; nothing was changed:`, {
      details: faults.map((one) => `- ${one}`),
    });
  }
  for (const warning of warnings) report(`warning: ${droplet.name}: ${warning}`);
  for (const words of hostWarnings) report(`${droplet.name}: security: ${words}`);
  return { warnings: [...warnings, ...hostWarnings], versions: [...versions.lines], lost: [...lost] };
}

function otherFolder(droplet: Droplet, state: Inputs, desired: Inputs): HornetError {
  return new HornetError(
    `${droplet.name}: hornet:vmm.runtimeDir cannot become ${desired.runtimeDir} while the fleet is in ` +
      `${state.runtimeDir}; nothing was changed`,
    { next: "set it back, or destroy the stack first" },
  );
}

/**
 * Preflight: the first resource of a fleet, which compares a droplet with the fleet's needs and changes nothing. It is separate
 * from the stack's claim, whose end removes the fleet: a fleet that moves to another droplet stays where it is until Preflight
 * has checked that one.
 */
export const definition = owned<Inputs, Outputs>({
  kind: "DropletCheck",
  inputs: checkInputs,
  outputs,
  replaceOn: ["droplet", "owner"],
  id: ({ owner }) => owner,
  create: check,
  read: async (droplet, state) => {
    const observed = await droplet.observe(state, CHECK);
    expectClones(droplet, state, observed);
    const mine = observed.claims.filter(({ owner }) => owner === state.owner).map(({ name }) => name);
    // The source of a snapshot and the needs of a boot do not concern an existing fleet.
    const { files, snapshot, requireCpuFeatures } = state.needs;
    const needs = snapshotNeeds.parse({ files, snapshot, requireCpuFeatures });
    const { faults, lost, versions } = await preflight(droplet, { ...state, namespaces: mine, needs }, observed);
    // Changes around running VMs are only information: they have no effect until the config changes.
    for (const words of versions.warnings) report(`${droplet.name}: ${words}`);
    // What the last up warned of is no news.
    const lostSince = lost.filter((words) => !state.lost.includes(words));
    return {
      outputs: { warnings: state.warnings, versions: [...versions.lines], lost: state.lost },
      drift: [...faults, ...lostSince],
    };
  },
  update: (droplet, state, desired) => {
    // The stack's other things there would be left behind: a sweep finds them by this folder.
    if (state.runtimeDir !== desired.runtimeDir) throw otherFolder(droplet, state, desired);
    return check(droplet, desired);
  },
  delete: () => Promise.resolve(),
});
