import type { Observed } from "../../model/observed";
import type { ChangeLog } from "./changeLog";

/** A view's access to its droplet. */
export interface Viewed {
  /** The machine's name in {@link ChangeLog}. */
  machine(): string;
  /** Reads the whole droplet. */
  gather(): Promise<Observed>;
  /** Takes the droplet's lock; returns its stamp, which identifies the previous taking. */
  hold(): Promise<string>;
}

/**
 * One owner's view of a droplet. It is read once for all resources of an operation, and again only for a resource that changed
 * since. A provider process serves one operation; an `up` that refreshes first has two.
 */
export class View {
  /** The lock's stamp when this operation took it; an earlier reading counts only with the same stamp. */
  private locked: string | undefined;
  private reading: { readonly begun: number; readonly seen: Promise<Observed> } | undefined;

  constructor(
    private readonly droplet: Viewed,
    private readonly changes: ChangeLog,
  ) {}

  /** @param resource the calling one */
  async observe(resource: string): Promise<Observed> {
    const changed = this.changes.last(this.droplet.machine(), resource);
    if (this.reading === undefined || this.reading.begun < changed) {
      this.reading = { begun: this.changes.next(), seen: this.droplet.gather() };
    }
    const { reading } = this;
    try {
      return await reading.seen;
    } catch (error) {
      if (this.reading === reading) this.reading = undefined;
      throw error;
    }
  }

  /**
   * The same, before a change. It takes the lock first, so that nobody changes the droplet between the look and the change. An
   * earlier reading counts where nobody has had the lock since.
   *
   * @throws HornetError that names the lock's holder when the wait is over
   */
  async observeToChange(resource: string): Promise<Observed> {
    const stamp = await this.droplet.hold();
    if (this.locked !== stamp) {
      this.locked = stamp;
      const before = await this.reading?.seen.catch(() => undefined);
      if (before?.stamp !== stamp) this.reading = undefined;
    }
    return this.observe(resource);
  }
}
