import { createHmac } from "node:crypto";
import type { ApiRequest } from "../firecracker/api";
import { hostKeyOf, machineIdOf } from "../firecracker/hostkey";
import type { Identity, IdentityWay } from "../firecracker/identity";
import { metadataDocument } from "../firecracker/metadata";
import { oversize } from "../firecracker/metadataSize";
import { metadataRequest } from "../firecracker/requests";
import { guestScript } from "./guestScript";
import type { VmInputs, VmOutputs } from "./vmInputs";
import { wayOf } from "./vmVars";

/** What a clone has of its own that its identity is made of. */
export type Self = Pick<VmOutputs, "sshHostKey" | "hostKeySeed" | "generation">;

/** What the guest itself is told; a change of these needs no other VM. */
export const IDENTITY = ["name", "user", "authorizedKeys", "env", "identity", "agent", "agentService"] as const;

/**
 * A mark of what a guest is told, by which it is known again on the droplet: it tells nothing of it to who has not the clone's
 * seed. What a later Hornet tells besides, and what is not given, leaves it as it is.
 */
export function toldMark(wanted: VmInputs, { hostKeySeed }: Pick<Self, "hostKeySeed">): string {
  const told = Object.fromEntries(IDENTITY.map((key) => [key, wanted[key]]));
  return createHmac("sha256", hostKeySeed).update(JSON.stringify(told, inOrder)).digest("hex").slice(0, 16);
}

/** The order of an object's keys is another one in the state than in the program. */
function inOrder(_key: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)));
}

function declaredOf(wanted: VmInputs): Omit<Identity, "generation" | "machineId" | "hostKey"> {
  return {
    hostname: wanted.name,
    authorizedKeys: wanted.authorizedKeys,
    user: wanted.user,
    env: { AGENT_ID: wanted.name, ...wanted.env },
    agent: wanted.agent,
    service: wanted.agentService,
  };
}

/** Who a clone is. */
export function identityOf(wanted: VmInputs, self: Self): Identity {
  return {
    ...declaredOf(wanted),
    generation: self.generation,
    machineId: machineIdOf(self.hostKeySeed),
    hostKey: hostKeyOf(self.hostKeySeed, wanted.name).privateKey,
  };
}

/** What an image's own cloud-init is to run; other guests run nothing that the metadata has. */
function scriptFor(way: IdentityWay): ((identity: Identity) => string) | undefined {
  if (way !== "cloud-init") return undefined;
  return (identity) => `#!/bin/sh\n${guestScript(identity, { first: true, attended: false })}`;
}

/** The metadata that a guest finds when it wakes up. */
export function metadataOf(wanted: VmInputs, self: Self): ApiRequest {
  const identity = identityOf(wanted, self);
  const way = wayOf(wanted);
  return metadataRequest(metadataDocument(identity, way, scriptFor(way)?.(identity)));
}

/** What is wrong with a clone's inputs that are each well-formed: more than Firecracker takes. */
export function vmFault(wanted: VmInputs): string | undefined {
  const way = wayOf(wanted);
  const found = oversize(declaredOf(wanted), way, scriptFor(way));
  return found && `${found.problem}; shorten hornet:identity.${found.part}`;
}
