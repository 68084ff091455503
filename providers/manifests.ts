import { z } from "zod";
import { manifestDigest, manifestSchema, type Manifest } from "../firecracker/manifest";
import { HornetError } from "../host/errors";
import type { Session } from "../host/session";

/** The text of a folder's manifest; empty where there is none. */
export function readManifest(session: Session, path: string): Promise<string> {
  return session.call({ what: "read a manifest", run: "read_manifest", vars: { path } });
}

/** The signature beside it; empty where there is none. */
export function readSignature(session: Session, path: string): Promise<string> {
  return session.call({ what: "read a manifest's signature", run: "read_signature", vars: { path } });
}

/** Throws HornetError where the text is no manifest. */
export function parseManifest(text: string, path: string): Manifest {
  try {
    return manifestSchema.parse(JSON.parse(text));
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
    throw new HornetError(
      `${path}/manifest.json is not a manifest of Hornet's (digest ${manifestDigest(text)}): ${why}`,
    );
  }
}
