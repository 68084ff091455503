/** One operation on the stack at a time; wishes that arrive meanwhile are merged into the one that follows. */
import {
  secret,
  StackError,
  type ConfigChanges,
  type FleetClone,
  type FleetEvent,
  type FleetStack,
  type Progress,
} from "../../automation";
import type { Feed } from "./feed";

/** What a client wants of the fleet. */
export interface Wish {
  readonly count?: number | undefined;
  /** Variables of every agent, kept secret; null removes one. */
  readonly env?: Readonly<Record<string, string | null>> | undefined;
}

/** An operation as clients see it. */
export interface Operation {
  readonly id: number;
  readonly state: "queued" | "running" | "done" | "failed";
  readonly count?: number | undefined;
  /** The names of the variables that it sets; their values are in no answer. */
  readonly env: readonly string[];
  readonly progress?: Progress;
  /** Why it failed: UserError, LockedError, CancelledError, BugError. */
  readonly error?: { readonly kind: string; readonly message: string; readonly failures: readonly object[] };
}

type Drive = Pick<FleetStack, "up" | "clones">;

/** Works on a stack as clients wish. */
export class Worker {
  private queued: { readonly operation: Operation; readonly wish: Wish } | undefined;
  private running: Operation | undefined;
  private last: Operation | undefined;
  private nextId = 1;
  private readonly secrets = new Set<string>();
  private reading: Promise<readonly FleetClone[]> | undefined;
  private work: Promise<void> = Promise.resolve();

  constructor(
    private readonly stack: Drive,
    private readonly feed: Feed,
    private readonly signal: AbortSignal,
  ) {}

  /** Queues a wish, and merges it with one that waits: the last count counts, and the last value of each variable. */
  want(wish: Wish): Operation {
    for (const value of Object.values(wish.env ?? {})) if (value !== null && value !== "") this.secrets.add(value);
    const before = this.queued?.wish ?? {};
    const merged = { count: wish.count ?? before.count, env: { ...before.env, ...wish.env } };
    const operation: Operation = {
      id: this.queued?.operation.id ?? this.nextId++,
      state: "queued",
      count: merged.count,
      env: Object.keys(merged.env),
    };
    this.queued = { operation, wish: merged };
    this.tell(operation);
    if (this.running === undefined) this.work = this.walk();
    return operation;
  }

  /** The operation that runs, the one that waits, and the last one that ended. */
  get status(): {
    readonly running: Operation | null;
    readonly queued: Operation | null;
    readonly last: Operation | null;
  } {
    return { running: this.running ?? null, queued: this.queued?.operation ?? null, last: this.last ?? null };
  }

  /** The clones as the state has them now. Clients that ask at the same time share one answer. */
  async clones(): Promise<readonly object[]> {
    this.reading ??= this.stack.clones().finally(() => (this.reading = undefined));
    return (await this.reading).map(({ name, droplet, address, sshHostKey, ready, condition }) => ({
      ...{ name, droplet, address, sshHostKey, ready, condition },
    }));
  }

  /** Resolves once nothing runs. */
  idle(): Promise<void> {
    return this.work;
  }

  private async walk(): Promise<void> {
    while (this.queued !== undefined && !this.signal.aborted) {
      const { operation, wish } = this.queued;
      this.queued = undefined;
      this.running = { ...operation, state: "running" };
      this.tell(this.running);
      this.last = await this.run(this.running, wish);
      this.running = undefined;
      this.tell(this.last);
    }
  }

  private async run(operation: Operation, { count, env = {} }: Wish): Promise<Operation> {
    const config: ConfigChanges = Object.fromEntries(
      Object.entries(env).map(([name, value]) => [`identity.env.${name}`, value === null ? undefined : secret(value)]),
    );
    try {
      await this.stack.up({
        ...(count !== undefined && { count }),
        config,
        signal: this.signal,
        onEvent: (event) => this.hear(event),
        onProgress: (progress) => (this.running = { ...operation, progress }),
      });
      return { ...(this.running ?? operation), state: "done" };
    } catch (error) {
      return { ...(this.running ?? operation), state: "failed", error: this.wordsOf(error) };
    }
  }

  private hear(event: FleetEvent): void {
    const { type, ...data } = event;
    // Lines for a person may quote a guest; what programs need is in the other events.
    if (type !== "message") this.feed.publish(type, this.withoutSecrets(data));
  }

  private tell(operation: Operation): void {
    this.feed.publish("operation", this.withoutSecrets(operation));
  }

  private wordsOf(error: unknown): NonNullable<Operation["error"]> {
    if (!(error instanceof StackError)) return { kind: "BugError", message: "unexpected error", failures: [] };
    return this.withoutSecrets({ kind: error.name, message: error.message, failures: error.failures });
  }

  /** A guest or a command may repeat a value that it was given. */
  private withoutSecrets<T extends object>(data: T): T {
    let text = JSON.stringify(data);
    for (const value of this.secrets) {
      // Shorter ones would blank out half of every word.
      if (value.length >= 4) text = text.replaceAll(JSON.stringify(value).slice(1, -1), "[secret]");
    }
    return JSON.parse(text) as T;
  }
}
