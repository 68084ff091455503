/** What the SDK is about to write on stderr. */
const echoes = new Set<string>();
let write: typeof console.error | undefined;

/**
 * Keeps an error that the engine is handed from being said a second time. Of what a read or a delete throws the SDK writes
 * `${error}: ${error.stack}` on stderr as well (cmd/dynamic-provider/index.js), and the engine shows that below the stack:
 * a line for each of a fleet of hundreds whose droplet cannot be reached, in which the reason would be lost.
 */
export function withoutEcho<E extends Error>(error: E): E {
  echoes.add(`${String(error)}: ${error.stack ?? ""}`);
  if (write === undefined) {
    write = console.error.bind(console);
    console.error = (...words: unknown[]) => {
      const [text] = words;
      if (typeof text !== "string" || words.length > 1 || !echoes.has(text)) write?.(...words);
    };
  }
  return error;
}
