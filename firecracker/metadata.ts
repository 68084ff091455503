import { cloudMetadata } from "./cloudInit";
import { CLOCK_MARK, identityText, type Identity, type IdentityWay } from "./identity";

/**
 * The metadata of one clone: one text for the identity service, since every leaf costs a guest another request, and the
 * paths that cloud-init asks for, so that an image's own finds its instance-id and hostname, and keys where it is what
 * gives a guest its identity.
 *
 * @param script what the guest's own cloud-init is to run, where that is the way
 */
export function metadataDocument(identity: Identity, way: IdentityWay, script?: string): unknown {
  const text = way === "service" ? { identity: `${identityText(identity)}clock=${CLOCK_MARK}\n` } : {};
  const hornet = { ...text, ...(script === undefined ? {} : { script }) };
  return { hornet, ...cloudMetadata(instanceOf(identity, way), script !== undefined) };
}

/** What replaces the document once it has been applied: nothing in it is secret. */
export function clearedDocument(identity: Identity, way: IdentityWay): unknown {
  return { hornet: {}, ...cloudMetadata(instanceOf(identity, way), false) };
}

function instanceOf({ machineId, generation, hostname, authorizedKeys }: Identity, way: IdentityWay) {
  // cloud-init looks at the rest again only where this is another one.
  const id = way === "cloud-init" ? `i-${machineId}-${generation}` : `i-${machineId}`;
  // Where Hornet itself sees to the keys, an image's own cloud-init must not add them for good.
  return { id, hostname, authorizedKeys: way === "cloud-init" ? authorizedKeys.map((key) => key.trim()) : [] };
}
