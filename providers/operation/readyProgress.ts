/** Clones that become ready, of those that an operation starts. */
export class ReadyProgress {
  private readonly took: number[] = [];
  private begun = 0;
  private expected = 0;
  private said = 0;
  private told = 0;

  /** So many will be started, as far as could be seen before the first one was. */
  expect(count: number): void {
    this.expected = count;
  }

  /** One more is waited for. */
  begin(): void {
    this.begun += 1;
  }

  /** One is ready, after so many ms. */
  ready(ms: number): void {
    this.took.push(ms);
  }

  /**
   * What to say of it now; undefined where there is nothing new, or too little to be worth a line. The engine starts some
   * clones after others, so there are more than are waited for; the last line is said as soon as all are ready.
   *
   * @param now ms
   */
  line(now: number): string | undefined {
    const total = Math.max(this.begun, this.expected);
    const ready = this.took.length;
    if (total < LEAST || ready === this.told || (ready < total && now - this.said < EVERY_MS)) return undefined;
    this.said = now;
    this.told = ready;
    return `ready ${ready}/${total}, p95 ${(percentile(this.took, 0.95) / 1000).toFixed(1)} s`;
  }
}

/** Fewer clones are ready before a line could be read. */
const LEAST = 5;
const EVERY_MS = 2000;

/** The value that the given share of all is not above (nearest rank). */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
}
