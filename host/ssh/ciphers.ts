import { captureSync } from "../exec";

/** Ciphers that the instructions of a CPU do by themselves: droplets have them, and so has any laptop of this decade. */
const FAST = ["aes128-gcm@openssh.com", "aes256-gcm@openssh.com"];

/**
 * The ciphers of an offer, the fast ones first: OpenSSH prefers ChaCha20-Poly1305, which costs several times the CPU, and a
 * snapshot is encrypted twice on its way. Nothing is added to what the operator's own configuration allows.
 */
export function fastFirst(offer: string): string {
  const allowed = offer.split(",");
  return [...FAST.filter((cipher) => allowed.includes(cipher)), ...allowed.filter((one) => !FAST.includes(one))].join();
}

/**
 * ssh's option for the order of its ciphers; none where ssh does not say what it would offer.
 *
 * @param options and host: of the connection
 */
export function cipherOptions(options: readonly string[], host: string): string[] {
  // ssh -G prints its whole configuration for a host, and connects to nobody.
  const offer = /^ciphers (\S+)$/m.exec(captureSync(["ssh", "-T", "-G", ...options, "--", host]))?.[1];
  return offer === undefined ? [] : ["-o", `Ciphers=${fastFirst(offer)}`];
}
