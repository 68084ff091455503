import { HornetError } from "../../host/errors";

/**
 * The error for an identity service that leaves the metadata service open to every process: it gets no identity.
 *
 * @param subject the clone or the snapshot
 * @param reason the service's own reason; empty for an older service, which gives none
 */
export function openFault(subject: string, reason = ""): HornetError {
  const why =
    reason === ""
      ? "its identity service is of an earlier Hornet, which lets every process in the guest read the clone's private host key and environment"
      : `its identity service lets every process in the guest read the clone's private host key and environment: ${reason}`;
  return new HornetError(`${subject} gets no identity: ${why}`, {
    next:
      "make the image and the snapshot again (npm run image, then hornet:snapshot.boot), or use an image without the service, " +
      "whose clones get their identity over ssh",
    document: "docs/identity.md",
  });
}
