/**
 * Keeps the SDK from printing an error that the engine receives anyway. For an error of a read or a delete it also writes
 * `${error}: ${error.stack}` to stderr (cmd/dynamic-provider/index.js), and the engine shows that below the stack: with hundreds
 * of clones on an unreachable droplet, these lines bury the reason.
 */
export class SdkStderr {
  private readonly suppressed = new Set<string>();
  private installed = false;

  /** Keeps the SDK from printing this error. */
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
