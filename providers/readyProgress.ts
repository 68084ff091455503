/** Clones that became ready one by one. */
export class ReadyProgress {
  private readonly took: number[] = [];
  private total = 0;
  private said = 0;

  /** One more is waited for. */
  begin(): void {
    this.total += 1;
  }

  /** One is ready, after so many ms. */
  ready(ms: number): void {
    this.took.push(ms);
  }

  /**
   * What to say of it now; undefined where there is nothing new, or too little to be worth a line.
   *
   * @param now ms
   */
  line(now: number): string | undefined {
    if (this.total < LEAST || this.took.length === 0 || now - this.said < EVERY_MS) return undefined;
    this.said = now;
    return `ready ${this.took.length}/${this.total}, p95 ${(percentile(this.took, 0.95) / 1000).toFixed(1)} s`;
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
