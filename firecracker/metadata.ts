import { cloudMetadata, driveScript } from "./cloudInit";
import { CLOCK_MARK, identityText, type Identity, type IdentityMethod } from "./identity";

/**
 * The metadata of one clone: one text for the identity service, since every leaf costs a guest another request, and the
 * paths that cloud-init asks for, so that an image's own finds its instance-id and hostname, and keys where it is what
 * gives a guest its identity. Every process of a guest can read what cloud-init reads, so no secret is in that: its script
 * runs what is on a drive that only root reads.
 */
export function metadataDocument(identity: Identity, way: IdentityMethod): unknown {
  const text = way === "service" ? { identity: `${identityText(identity)}clock=${CLOCK_MARK}\n` } : {};
  const hornet = { ...text, ...(way === "cloud-init" && { script: driveScript }) };
  return { hornet, ...cloudMetadata(instanceOf(identity, way), way === "cloud-init") };
}

/** Replaces the document once the guest has applied it; holds no secret. */
export function clearedDocument(identity: Identity, way: IdentityMethod): unknown {
  return { hornet: {}, ...cloudMetadata(instanceOf(identity, way), false) };
}

function instanceOf({ machineId, generation, hostname, authorizedKeys }: Identity, way: IdentityMethod) {
  // cloud-init looks at the rest again only where this is another one.
  const id = way === "cloud-init" ? `i-${machineId}-${generation}` : `i-${machineId}`;
  // If Hornet manages the keys, an image's own cloud-init must not add them permanently.
  return { id, hostname, authorizedKeys: way === "cloud-init" ? authorizedKeys.map((key) => key.trim()) : [] };
}
