import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";

/** A resource in the engine's state. */
export interface Entry {
  readonly urn: string;
  /** `FirecrackerVM` */
  readonly kind: string;
  readonly name: string;
  readonly id: string;
  readonly inputs: Record<string, unknown>;
  readonly outputs: Record<string, unknown>;
  readonly dependencies: readonly string[];
  readonly deletedWith: string;
}

/** The engine's state, in a file that is rewritten after each finished step, like the file backend's. */
export class State {
  private readonly entries: Map<string, Entry>;

  constructor(private readonly file: string) {
    const kept = existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Entry[]) : [];
    this.entries = new Map(kept.map((entry) => [entry.urn, entry]));
  }

  get all(): readonly Entry[] {
    return [...this.entries.values()];
  }

  get(urn: string): Entry | undefined {
    return this.entries.get(urn);
  }

  set(entry: Entry): void {
    // Through JSON, because a state can hold nothing else.
    this.entries.set(entry.urn, JSON.parse(JSON.stringify(entry)) as Entry);
    this.save();
  }

  delete(urn: string): void {
    this.entries.delete(urn);
    this.save();
  }

  private save(): void {
    writeFileSync(`${this.file}.draft`, JSON.stringify(this.all));
    renameSync(`${this.file}.draft`, this.file);
  }
}
