import { ARTIFACT, artifactPaths } from "../../model/layout";
import { z } from "zod";
import { manifestDigest, manifestSchema, type Manifest } from "../../firecracker/manifest";
import { HornetError } from "../../host/errors";
import type { Session } from "../../host/session/session";

/** Bytes. A manifest takes a few KiB, a signature less than one; the droplet sends at most one byte more than this. */
const LARGEST = 1 << 20;

/** The text of a folder's manifest; empty if there is none. Throws HornetError if it is larger than any manifest. */
export async function readManifest(session: Session, path: string): Promise<string> {
  const text = await session.call({ what: "read a manifest", run: "read_manifest", vars: { path } });
  return limited(session, artifactPaths(path).manifest, text);
}

/** The signature of a folder's manifest; empty if there is none. */
export async function readSignature(session: Session, path: string): Promise<string> {
  const text = await session.call({ what: "read a manifest's signature", run: "read_signature", vars: { path } });
  return limited(session, artifactPaths(path).signature, text);
}

/** Throws HornetError if the text is no manifest. */
export function parseManifest(text: string, path: string): Manifest {
  try {
    return manifestSchema.parse(JSON.parse(text));
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
    throw new HornetError(
      `${path}/${ARTIFACT.manifest} is not a manifest of Hornet's (digest ${manifestDigest(text)}): ${why}`,
    );
  }
}

/** The manifest in a text; undefined if it contains none. */
export function manifestIn(text: string): Manifest | undefined {
  try {
    return manifestSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

function limited(session: Session, path: string, text: string): string {
  if (text.length <= LARGEST) return text;
  throw new HornetError(`${path} on ${session.name} is larger than ${LARGEST} bytes, so it is not Hornet's`, {
    next: "move the file away",
  });
}
