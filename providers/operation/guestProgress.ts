import type { GuestEvent } from "../../host/session/guestWatch";

/** ms that a guest may take before Hornet reports its progress. */
const FIRST_MS = 10_000;

/** Describes the progress of a guest that an operation waits for. */
export class GuestProgress {
  private consoleSince: number | undefined;
  private ssh: { readonly words: (seconds: string) => string; readonly since: number } | undefined;
  private next: number;

  /**
   * @param console the text that its console shows once it is ready; undefined if none is expected
   * @param begun ms
   */
  constructor(
    private readonly console: string | undefined,
    private readonly begun: number,
  ) {
    this.next = begun + FIRST_MS;
  }

  /** Handles an event of the guest. */
  hear(event: GuestEvent, now: number): void {
    if (event.what === "said") this.consoleSince = now;
    if (event.what === "answered") this.ssh = { words: () => "ssh answers without an ed25519 host key", since: now };
    if (event.what === "state") this.ssh = { words: (seconds) => wordsOf(event, seconds), since: now };
  }

  /** Its progress. */
  words(now: number): string {
    const seconds = (since: number): string => `${Math.round((now - since) / 1000)} s`;
    const console =
      this.console === undefined
        ? []
        : [
            this.consoleSince === undefined
              ? `its console has not said "${this.console}" for ${seconds(this.begun)}`
              : `console says ${this.console}`,
          ];
    const asked = this.console === undefined || this.consoleSince !== undefined;
    const silent = asked ? [`no connection to its ssh for ${seconds(this.consoleSince ?? this.begun)}`] : [];
    const ssh = this.ssh === undefined ? silent : [this.ssh.words(seconds(this.ssh.since))];
    return [...console, ...ssh].join(", ");
  }

  /** Its progress if a report is due: less and less often. */
  line(now: number): string | undefined {
    if (now < this.next) return undefined;
    this.next = now + (now - this.begun);
    return this.words(now);
  }
}

function wordsOf({ state, text }: GuestEvent & { what: "state" }, seconds: string): string {
  switch (state) {
    case "connecting":
      return `ssh has taken no connection for ${seconds}`;
    case "connected":
      return `ssh connected, no banner for ${seconds}`;
    case "banner":
      return `ssh says ${text}, no host key for ${seconds}`;
    case "refused":
      return `ssh has refused connections for ${seconds}`;
    case "closed":
      return `ssh has closed connections without a banner for ${seconds}`;
    case "endless":
      return "ssh sends lines without an end in place of a banner";
    case "working":
      return `ssh connected, not done for ${seconds}`;
  }
}
