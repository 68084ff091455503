/** The progress of a transfer. */
export interface Progress {
  /** Bytes of the files on the target, holes and zeros included. */
  readonly there: number;
  /** The same of all files. */
  readonly total: number;
  /** Bytes received. */
  readonly sent: number;
  /** ms since its start. */
  readonly elapsed: number;
}

const MIB = 1 << 20;

/** One line: bytes, rate, what remains. */
export function progressLine({ there, total, sent, elapsed }: Progress): string {
  const share = total === 0 ? 1 : there / total;
  const seconds = elapsed / 1000;
  const rate = seconds === 0 ? 0 : sent / MIB / seconds;
  const remaining = share === 0 || share === 1 ? "" : `, about ${Math.ceil((seconds / share) * (1 - share))} s left`;
  return (
    `${Math.floor(share * 100)} % of ${(total / MIB).toFixed(0)} MiB there, ${(sent / MIB).toFixed(1)} MiB sent at ` +
    `${rate.toFixed(1)} MiB/s${remaining}`
  );
}
