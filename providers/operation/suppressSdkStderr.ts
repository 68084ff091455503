/**
 * Keeps an error that the engine receives from being printed a second time. The SDK also writes `${error}: ${error.stack}` of
 * what a read or a delete throws to stderr (cmd/dynamic-provider/index.js), and the engine shows that below the stack: with
 * hundreds of clones on a droplet that cannot be reached, their lines bury the reason.
 */
export class SdkStderr {
  private readonly suppressed = new Set<string>();
  private installed = false;

  /** The SDK prints nothing about this error. */
  suppress<E extends Error>(error: E): E {
    this.suppressed.add(`${String(error)}: ${error.stack ?? ""}`);
    if (!this.installed) this.install();
    return error;
  }

  private install(): void {
    this.installed = true;
    const write = console.error.bind(console);
    console.error = (...words: unknown[]) => {
      const [text] = words;
      if (typeof text !== "string" || words.length > 1 || !this.suppressed.has(text)) write(...words);
    };
  }
}
