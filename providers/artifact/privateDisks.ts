import { HornetError } from "../../host/errors";
import type { Session } from "../../host/session/session";
import type { ArtifactInputs } from "./inputs";

/**
 * Refuses disks that not every user of the droplet may read, unless the operator declared them: a snapshot from elsewhere may
 * name root's ssh key as a disk of its guests.
 *
 * @param paths files that the snapshot names
 * @throws HornetError that names the file
 */
export async function refusePrivate(
  session: Session,
  { disks = [] }: Pick<ArtifactInputs, "disks">,
  paths: readonly string[],
): Promise<void> {
  const asked = paths.filter((path) => path.startsWith("/") && !disks.includes(path));
  if (asked.length === 0) return;
  const stdin = asked.map((path) => `${path}\n`).join("");
  const answer = await session.call({ what: "ask who may read the disks of a snapshot", run: "list_private", stdin });
  const [first] = answer.split("\n");
  if (first === undefined || first === "") return;
  throw new HornetError(
    `the snapshot names a disk that not every user of the droplet may read: ${first} on ${session.name}`,
    { next: `if its guests may have it, declare it: hornet:snapshot.disks: [${first}]`, document: "docs/security.md" },
  );
}
