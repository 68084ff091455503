/** Orders this operation's readings and changes: a reading that began before a change is outdated. */
export class ChangeLog {
  private moment = 0;
  private readonly changed = new Map<string, number>();

  /** The next moment, in the order in which readings and changes begin and end. */
  next(): number {
    return ++this.moment;
  }

  /** Notes that a change of a resource begins or ends. */
  note(machine: string, resource: string): void {
    this.changed.set(keyOf(machine, resource), this.next());
  }

  /** The moment of the last note; 0 if there is none. */
  last(machine: string, resource: string): number {
    return this.changed.get(keyOf(machine, resource)) ?? 0;
  }
}

function keyOf(machine: string, resource: string): string {
  return JSON.stringify([machine, resource]);
}
