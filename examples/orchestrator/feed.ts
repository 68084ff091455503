/** The events of the service, kept for a while and sent to everyone who listens. */

/** An event with its number. */
export interface Numbered {
  readonly id: number;
  readonly type: string;
  readonly data: object;
}

/** How many events a listener that comes back can still get. */
const KEPT = 1000;

/** Numbers events and passes them to listeners. */
export class Feed {
  private readonly kept: Numbered[] = [];
  private readonly listeners = new Set<(event: Numbered) => void>();
  private next = 1;

  /** Sends an event to every listener. */
  publish(type: string, data: object): void {
    const event = { id: this.next++, type, data };
    this.kept.push(event);
    if (this.kept.length > KEPT) this.kept.shift();
    for (const listener of this.listeners) listener(event);
  }

  /**
   * Calls `listener` with the kept events after a number, and then with each new one.
   *
   * @returns ends that
   */
  listen(after: number, listener: (event: Numbered) => void): () => void {
    for (const event of this.kept) if (event.id > after) listener(event);
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }
}

/** An event as a line of a stream of server-sent events. */
export function sentEvent({ id, type, data }: Numbered): string {
  return `id: ${id}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
}
