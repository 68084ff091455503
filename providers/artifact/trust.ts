import type { z } from "zod";
import { manifestDigest } from "../../firecracker/manifest";
import { messageOf } from "../../host/errors";
import type { Session } from "../../host/session/session";
import type { fromSource } from "./inputs";
import { readSignature } from "./manifests";
import { readProofs } from "./proofs";
import { verifyManifest } from "./signature";

/** A snapshot on the droplet that it is to be brought from. */
export interface Offered {
  readonly source: Session;
  readonly from: z.infer<typeof fromSource>;
  readonly folder: string;
  /** The manifest. */
  readonly text: string;
}

/** Why a snapshot is not to be taken: no fleet there has proved it; undefined where one has, or none is asked for. */
export async function whyUnproved({ source, from, text }: Omit<Offered, "folder">): Promise<string | undefined> {
  if (from.proofs === undefined) return undefined;
  const digest = manifestDigest(text);
  if ((await readProofs(source, from.proofs, digest)).length > 0) return undefined;
  return (
    `the snapshot ${digest} is not proved: no fleet on ${source.name} has passed its smoke tests with it. Bring one up ` +
    "there first, or set hornet:snapshot.requireProof: false"
  );
}

/**
 * Why a snapshot is not to be brought, all of it.
 *
 * @param signers who may sign its manifest; undefined where nobody has to
 */
export async function whyUntrusted(offered: Offered, signers: readonly string[] | undefined): Promise<string[]> {
  const unproved = await whyUnproved(offered);
  const faults = unproved === undefined ? [] : [unproved];
  if (signers === undefined) return faults;
  const { source, folder, text } = offered;
  const signature = await readSignature(source, folder);
  const unsigned = await verifyManifest(text, signature, signers, folder, source.name).then(() => [], reasons);
  return [...faults, ...unsigned];
}

function reasons(error: unknown): string[] {
  return [messageOf(error)];
}
