import { ConnectionError, messageOf } from "../errors";
import { readLines } from "./lines";
import type { ByteStream } from "./stream";

/** What to watch of a guest; see `watch_guests` in droplet/guest/watch.sh. */
export interface GuestOrder {
  /**
   * `console`: whether the words stand on its console. `ssh`: what its ssh server answers. `both`: the same once the words stand
   * on the console. `look`: how far connections come that others open to its ssh server.
   */
  readonly kind: "console" | "ssh" | "both" | "look";
  /** The network namespace to ask from; left out, the droplet's own. */
  readonly namespace?: string;
  readonly address: string;
  /** The folder of its VMM on the droplet. */
  readonly folder: string;
  /** What its identity service says. */
  readonly words?: string;
}

/** How far a question to an ssh server has come. */
export type QuestionState = "connecting" | "connected" | "banner" | "refused" | "closed" | "endless" | "working";

/** What happens to a guest that is watched. After `dead` and `lost` nothing more happens. */
export type GuestEvent =
  | { readonly what: "said" | "answered" | "dead" }
  | { readonly what: "state"; readonly state: QuestionState; readonly text: string }
  | { readonly what: "key"; readonly key: string }
  | { readonly what: "lost"; readonly error: Error };

type Listener = (event: GuestEvent) => void;

/**
 * Watches guests on one droplet by one process there, which lives as long as the session. It asks each guest's ssh server by
 * a question that waits for its answer, so that a slow guest gets no second one while it works at the first.
 */
export class GuestWatch {
  private readonly listeners = new Map<string, Listener>();
  private stream: Promise<ByteStream> | undefined;
  private sequence = 0;

  /**
   * @param droplet its name, for messages
   * @param open starts the process on the droplet; its input takes orders and its output tells events
   */
  constructor(
    private readonly droplet: string,
    private readonly open: () => Promise<ByteStream>,
  ) {}

  /**
   * Watches a guest until the returned function is called.
   *
   * @param listen called with each event
   */
  watch({ kind, namespace = "-", address, folder, words = "" }: GuestOrder, listen: Listener): () => void {
    const id = String(++this.sequence);
    this.listeners.set(id, listen);
    this.order(`watch ${id} ${kind} ${namespace} ${address} ${folder} ${words}`);
    return () => {
      if (!this.listeners.delete(id)) return;
      this.order(`drop ${id}`);
    };
  }

  private order(line: string): void {
    this.stream ??= this.start();
    const { stream } = this;
    stream.then(
      (open) => {
        open.input.write(`${line}\n`);
        open.setReferenced(this.listeners.size > 0);
      },
      (error: unknown) => this.lose(stream, error),
    );
  }

  private async start(): Promise<ByteStream> {
    const stream = await this.open();
    readLines(stream.output, (line) => this.hear(line));
    const { stream: opened } = this;
    stream.ended.then(
      () => this.lose(opened, new ConnectionError(`${this.droplet} does not watch its guests any more`)),
      (error: unknown) => this.lose(opened, error),
    );
    return stream;
  }

  private hear(line: string): void {
    const [what = "", id = "", first = "", ...rest] = line.split(" ");
    const listen = this.listeners.get(id);
    // Beside the stream a login shell may say something.
    const event = listen && eventOf(what, first, rest.join(" "));
    if (event === undefined) return;
    if (event.what === "dead") this.listeners.delete(id);
    listen?.(event);
  }

  /** Tells all who listen that they hear no more; the next order opens another stream. */
  private lose(stream: Promise<ByteStream> | undefined, error: unknown): void {
    if (this.stream !== stream) return;
    this.stream = undefined;
    const listeners = [...this.listeners.values()];
    this.listeners.clear();
    const lost = error instanceof Error ? error : new Error(messageOf(error));
    for (const listen of listeners) listen({ what: "lost", error: lost });
  }
}

const STATES: readonly string[] = ["connecting", "connected", "banner", "refused", "closed", "endless", "working"];

function eventOf(what: string, first: string, rest: string): GuestEvent | undefined {
  if (what === "said" || what === "answered" || what === "dead") return { what };
  if (what === "key") return { what, key: `${first} ${rest}` };
  if (what === "state" && STATES.includes(first)) return { what, state: first as QuestionState, text: rest };
  return undefined;
}
