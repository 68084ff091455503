/** Counts the clones that become ready in an operation. */
export class ReadyProgress {
  private readonly took: number[] = [];
  private begun = 0;
  private expected = 0;
  private reportedAt = 0;
  private reported = 0;

  /** Sets the number of clones that the operation is expected to start. */
  expect(count: number): void {
    this.expected = count;
  }

  /** Counts one more clone that the operation waits for. */
  begin(): void {
    this.begun += 1;
  }

  /** Counts a clone that became ready after so many ms. */
  ready(ms: number): void {
    this.took.push(ms);
  }

  /**
   * The report that is due now, if any. The engine starts some clones after others, so the total may exceed the clones that the
   * operation waits for; the last line comes as soon as all are ready.
   *
   * @param now ms
   */
  line(now: number): string | undefined {
    const total = Math.max(this.begun, this.expected);
    const ready = this.took.length;
    if (total < LEAST || ready === this.reported) return undefined;
    if (ready < total && now - this.reportedAt < EVERY_MS) return undefined;
    this.reportedAt = now;
    this.reported = ready;
    return `ready ${ready}/${total}, p95 ${(percentile(this.took, 0.95) / 1000).toFixed(1)} s`;
  }
}

/** Fewer clones are ready before a user could read a line. */
const LEAST = 5;
const EVERY_MS = 2000;

/** The percentile of values by nearest rank. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
}
