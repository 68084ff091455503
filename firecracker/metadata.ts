import { cloudMetadata, driveScript } from "./cloudInit";
import { CLOCK_MARK, identityText, type Identity, type IdentityMethod } from "./identity";

/** The ways by which a guest takes its identity from its metadata. */
export type MetadataMethod = Exclude<IdentityMethod, "ssh">;

/**
 * The metadata of one clone: one text for the identity service, since every leaf costs a guest another request, and the
 * paths that cloud-init asks for, so that an image's own finds its instance-id and hostname, and keys where it is what
 * gives a guest its identity. Every process of a guest can read what cloud-init reads, so no secret is in that: its script
 * runs what is on a drive that only root reads.
 */
export function metadataDocument(identity: Identity, method: MetadataMethod): unknown {
  const hornet =
    method === "service" ? { identity: `${identityText(identity)}clock=${CLOCK_MARK}\n` } : { script: driveScript };
  return { hornet, ...cloudMetadata(instanceOf(identity, method), method === "cloud-init") };
}

/** Replaces the document once the guest has applied it; holds no secret. */
export function clearedDocument(identity: Identity, method: MetadataMethod): unknown {
  return { hornet: {}, ...cloudMetadata(instanceOf(identity, method), false) };
}

function instanceOf({ machineId, generation, hostname, authorizedKeys }: Identity, method: MetadataMethod) {
  // cloud-init looks at the rest again only where this is another one.
  const id = method === "cloud-init" ? `i-${machineId}-${generation}` : `i-${machineId}`;
  // If Hornet manages the keys, an image's own cloud-init must not add them permanently.
  return { id, hostname, authorizedKeys: method === "cloud-init" ? authorizedKeys.map((key) => key.trim()) : [] };
}
