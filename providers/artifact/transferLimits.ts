import type { Session } from "../../host/session/session";

/** The receiver ends a transfer that exceeds these limits. */
export interface TransferLimits {
  /** Seconds without a byte from the source. */
  readonly stall: number;
  /** Seconds during which the transfer may have any speed. */
  readonly grace: number;
  /** Minimum average bytes of the files per second, holes included, after that. */
  readonly rate: number;
}

/** Slower than any connection for gigabytes; ends a source that sends a byte a minute. */
const SLOWEST = 64 * 1024;

/** The limits follow the connection's timeout (`hornet:droplet.timeout`). */
export function limitsOf(target: Session): TransferLimits {
  const stall = Math.max(1, Math.ceil(target.usualMs / 1000));
  return { stall, grace: 10 * stall, rate: SLOWEST };
}

/**
 * Whether a transfer, all its attempts together, is slower than its limits allow.
 *
 * @param elapsed ms since its first attempt began
 * @param done bytes of the files that are there
 */
export function isOverdue({ grace, rate }: TransferLimits, elapsed: number, done: number): boolean {
  return done < (elapsed / 1000 - grace) * rate;
}
