import type { z } from "zod";
import { manifestDigest } from "../../firecracker/manifest";
import { messageOf } from "../../host/errors";
import type { Session } from "../../host/session/session";
import type { fromSource } from "./inputs";
import { readSignature } from "./manifests";
import { readProofs } from "./proofs";
import { verifyManifest } from "./signature";

/** A snapshot on its source droplet. */
export interface Offered {
  readonly source: Session;
  readonly from: z.infer<typeof fromSource>;
  readonly folder: string;
  /** The manifest. */
  readonly text: string;
}

/** Why Hornet refuses a snapshot that no fleet there has proved; undefined if one has, or no proof is needed. */
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
 * All reasons to refuse a snapshot.
 *
 * @param signers the accepted signers of its manifest; undefined if it needs no signature
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
