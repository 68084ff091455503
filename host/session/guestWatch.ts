import { ConnectionError, messageOf } from "../errors";
import { readLines } from "./lines";
import type { ByteStream } from "./stream";

/** How to watch a guest; see `watch_guests` in droplet/guest/watch.sh. */
export interface GuestOrder {
  /**
   * `console`: wait for the words on its console. `ssh`: ask its ssh server for its key. `both`: the words, then the key.
   * `look`: observe how far connections come that others open to its ssh server.
   */
  readonly kind: "console" | "ssh" | "both" | "look";
  /** The network namespace to ask from. Default: the droplet's. */
  readonly namespace?: string;
  readonly address: string;
  /** The folder of its VMM on the droplet. */
  readonly folder: string;
  /** A line that its identity service prints. */
  readonly words?: string;
}

/** The progress of a connection to an ssh server. */
export type QuestionState = "connecting" | "connected" | "banner" | "refused" | "closed" | "endless" | "working";

/** An event of a watched guest. `dead` and `lost` are the last ones. */
export type GuestEvent =
  | { readonly what: "said" | "answered" | "dead" }
  | { readonly what: "state"; readonly state: QuestionState; readonly text: string }
  | { readonly what: "key"; readonly key: string }
  | { readonly what: "lost"; readonly error: Error };

type Listener = (event: GuestEvent) => void;

/**
 * Watches all guests of a droplet with one process there, which lives as long as the session. It asks each guest's ssh server
 * once and waits for the answer, so that a slow guest gets no second connection while it works at the first.
 */
export class GuestWatch {
  private readonly listeners = new Map<string, Listener>();
  private stream: Promise<ByteStream> | undefined;
  private sequence = 0;

  /**
   * @param droplet its name, for messages
   * @param open starts the process on the droplet, which reads orders and prints events
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
    // A login shell may print further lines.
    const event = listen && eventOf(what, first, rest.join(" "));
    if (event === undefined) return;
    if (event.what === "dead") this.listeners.delete(id);
    listen?.(event);
  }

  /** Sends `lost` to all listeners; the next order opens another stream. */
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
