import { createHmac } from "node:crypto";
import type { ApiRequest } from "../../firecracker/api";
import { hostKeyOf, machineIdOf } from "../../firecracker/hostkey";
import type { Identity } from "../../firecracker/identity";
import { DRIVE_MARK } from "../../firecracker/cloudInit";
import { clearedDocument, metadataDocument } from "../../firecracker/metadata";
import { oversize } from "../../firecracker/metadataSize";
import { metadataRequest } from "../../firecracker/requests";
import { identityFault } from "../../plan/vm/identityFault";
import { guestScript } from "./identityScript";
import type { VmInputs, VmOutputs } from "./inputs";
import { wayOf } from "./vars";

/** What a clone has of its own that its identity is made of. */
export type Self = Pick<VmOutputs, "sshHostKey" | "hostKeySeed" | "generation">;

/** The inputs that make up the guest's identity; a change of these needs no other VM. */
const IDENTITY = ["name", "user", "authorizedKeys", "env", "identity", "agent", "agentService"] as const;

/**
 * The digest of a guest's identity, by which the droplet recognises it. Without the clone's seed it reveals nothing. What is not
 * given, or what a later Hornet adds to identities, leaves it as it is.
 */
export function identityDigest(wanted: VmInputs, { hostKeySeed }: Pick<Self, "hostKeySeed">): string {
  const told = Object.fromEntries(IDENTITY.map((key) => [key, wanted[key]]));
  return createHmac("sha256", hostKeySeed).update(JSON.stringify(told, inOrder)).digest("hex").slice(0, 16);
}

/** A replacer of JSON.stringify: the order of an object's keys is another one in the state than in the program. */
export function inOrder(_key: string, value: unknown): unknown {
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

/** What a guest's VMM is asked for so that the guest gets its identity, and where that is a drive. */
export interface Handover {
  /** Puts the identity into the metadata. Nothing in it is secret where cloud-init reads it. */
  readonly put: ApiRequest;
  /** Leaves nothing of it there. */
  readonly clear: ApiRequest;
  /** The drive that the script in the metadata runs: it holds the secrets, and only root reads it. */
  readonly drive: string | undefined;
}

/** How a guest gets its identity by its metadata; undefined where Hornet tells it over ssh. See docs/identity.md. */
export function handoverOf(wanted: VmInputs, self: Self): Handover | undefined {
  const identity = identityOf(wanted, self);
  const method = wayOf(wanted);
  if (method === "ssh") return undefined;
  return {
    put: metadataRequest(metadataDocument(identity, method)),
    clear: metadataRequest(clearedDocument(identity, method)),
    drive: method === "cloud-init" ? identityDrive(identity) : undefined,
  };
}

/** The first line is how the script in the metadata finds the drive. The shell reads all of it before `identify` runs. */
function identityDrive(identity: Identity): string {
  return `${DRIVE_MARK}\n${guestScript(identity, { first: true, attended: false })}`;
}

/** What is wrong with a clone's inputs that are each well-formed. */
export function vmFault(wanted: VmInputs): string | undefined {
  const way = wayOf(wanted);
  const { identity, agent, artifact } = wanted;
  const fault = identityFault({ identity, agentCommand: agent !== undefined }, artifact);
  // Over ssh there is no limit.
  if (fault !== undefined || way === "ssh") return fault;
  const found = oversize(declaredOf(wanted), way);
  return found && `${found.problem}; shorten hornet:identity.${found.part}`;
}
