import { ARTIFACT, artifactPaths } from "../../model/layout";
import { z } from "zod";
import { manifestDigest, manifestSchema, type Manifest } from "../../firecracker/manifest";
import { HornetError } from "../../host/errors";
import type { Session } from "../../host/session/session";

/** Bytes. A manifest takes a few KiB, a signature less than one; the droplet sends no more than this and one byte. */
const LARGEST = 1 << 20;

/** The text of a folder's manifest; empty where there is none. Throws HornetError where it is larger than any manifest. */
export async function readManifest(session: Session, path: string): Promise<string> {
  const text = await session.call({ what: "read a manifest", run: "read_manifest", vars: { path } });
  return limited(session, artifactPaths(path).manifest, text);
}

/** The signature beside it; empty where there is none. */
export async function readSignature(session: Session, path: string): Promise<string> {
  const text = await session.call({ what: "read a manifest's signature", run: "read_signature", vars: { path } });
  return limited(session, artifactPaths(path).signature, text);
}

/** Throws HornetError where the text is no manifest. */
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

/** The manifest in a text; undefined where it holds none. */
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
