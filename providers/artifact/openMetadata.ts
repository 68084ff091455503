import { HornetError } from "../../host/errors";

/**
 * Why Hornet hands no identity to an identity service that leaves the metadata service open to every process.
 *
 * @param subject the clone or the snapshot
 * @param reason what the service itself said of it; empty where it is one of before, which says nothing
 */
export function openFault(subject: string, reason = ""): HornetError {
  const why =
    reason === ""
      ? "its identity service is of an earlier Hornet, which lets every process in the guest read the clone's private host key and environment"
      : `its identity service lets every process in the guest read the clone's private host key and environment: ${reason}`;
  return new HornetError(`${subject} gets no identity: ${why}`, {
    next:
      "make the image and the snapshot anew (npm run image, then hornet:snapshot.boot), or use an image without the service, " +
      "whose clones Hornet tells over ssh",
    document: "docs/identity.md",
  });
}
