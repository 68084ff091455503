import { hostKeyOf } from "./hostkey";
import { CLOCK_MARK, type Identity } from "./identity";
import { metadataDocument, type MetadataMethod } from "./metadata";

/** Bytes that Firecracker's metadata holds, and that a request to its API may have. */
export const METADATA_LIMIT = 51_200;

/** The declared part of an identity; the rest has the same length in every clone. */
export type Declared = Omit<Identity, "generation" | "machineId" | "hostKey">;

/** Seconds since 1970 with a fraction are never longer. */
const CLOCK = "0".repeat(24);
const SEED = Buffer.alloc(32).toString("base64url");

/**
 * What is too large about an identity, as the rest of a sentence that names no value of it; undefined where its metadata
 * fits.
 */
export function oversize(
  declared: Declared,
  method: MetadataMethod,
): { readonly part: "env" | "authorizedKeys"; readonly problem: string } | undefined {
  const sizeOf = (part: Partial<Declared>): number => sizeOfMetadata({ ...declared, ...part }, method);
  const size = sizeOf({});
  if (size <= METADATA_LIMIT) return undefined;
  const env = size - sizeOf({ env: {} });
  const keys = size - sizeOf({ authorizedKeys: [] });
  const problem = `${declared.hostname} would be told ${size} bytes, ${env} of them its environment, ${keys} its authorized keys; Firecracker's metadata holds ${METADATA_LIMIT}, quotes and backslashes count more than once`;
  return { part: env >= keys ? "env" : "authorizedKeys", problem };
}

function sizeOfMetadata(declared: Declared, method: MetadataMethod): number {
  const hostKey = someHostKey(declared.hostname.length);
  const identity = { ...declared, generation: "0".repeat(16), machineId: "0".repeat(32), hostKey };
  const text = JSON.stringify(metadataDocument(identity, method));
  return Buffer.byteLength(text.replace(CLOCK_MARK, CLOCK));
}

const someHostKeys = new Map<number, string>();

/** A host key as long as that of any clone whose name has this length. To make one for each clone takes most of a check. */
function someHostKey(nameLength: number): string {
  const known = someHostKeys.get(nameLength) ?? hostKeyOf(SEED, "x".repeat(nameLength)).privateKey;
  someHostKeys.set(nameLength, known);
  return known;
}
