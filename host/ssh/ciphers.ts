import { captureSync } from "../exec";

/** Ciphers that CPU instructions accelerate, on droplets and on any laptop of this decade. */
const FAST = ["aes128-gcm@openssh.com", "aes256-gcm@openssh.com"];

/**
 * Sorts a list of ciphers, the fast ones first: OpenSSH prefers ChaCha20-Poly1305, which costs several times the CPU, and a
 * snapshot is encrypted twice in a transfer. It adds no cipher to those that the operator's configuration allows.
 */
export function fastFirst(offer: string): string {
  const allowed = offer.split(",");
  return [...FAST.filter((cipher) => allowed.includes(cipher)), ...allowed.filter((one) => !FAST.includes(one))].join();
}

/**
 * ssh's option for the order of its ciphers; none if ssh does not print its own list.
 *
 * @param options and host: those of the connection
 */
export function cipherOptions(options: readonly string[], host: string): string[] {
  // ssh -G prints its configuration for a host and does not connect.
  const offer = /^ciphers (\S+)$/m.exec(captureSync(["ssh", "-T", "-G", ...options, "--", host]))?.[1];
  return offer === undefined ? [] : ["-o", `Ciphers=${fastFirst(offer)}`];
}
