import { createHash, timingSafeEqual } from "node:crypto";

/**
 * Whether a request's Authorization header carries the token. The comparison takes the same time for every guess, whatever its
 * length: both sides are hashed first.
 */
export function isAuthorized(header: string | undefined, token: string): boolean {
  const given = /^Bearer ([\x21-\x7e]+)$/i.exec(header ?? "")?.[1] ?? "";
  return timingSafeEqual(digestOf(given), digestOf(token)) && given !== "";
}

function digestOf(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
