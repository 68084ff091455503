import { foreignText } from "../printable";
import { sshOutput } from "../ssh/options";
import type { Tail } from "./frames";

/** Characters of each stream that an error shows. */
const SHOWN = 1000;

/** The lines that frame answers (frames.ts) and the lines behind a key. */
const KEYED = /\n?\x1e[0-9a-f]{32}[^\n]*\n/g; // eslint-disable-line no-control-regex

/**
 * What ssh and the droplet printed instead of an answer, as details of an error.
 *
 * @param stderr of ssh, which has the droplet's too
 * @param greeting the droplet's stdout before any answer: "Please login as the user admin" of a forced command
 */
export function printedBy(stderr: Tail, greeting: Tail | undefined): string[] {
  const errors = sshOutput(stderr.text().replaceAll(KEYED, "")).slice(-SHOWN);
  const text = (greeting?.text() ?? "").replaceAll(KEYED, "").trim().slice(-SHOWN);
  return [
    ...(errors === "" ? [] : [`ssh printed: ${errors}`]),
    ...(text === "" ? [] : [`the droplet printed:\n${foreignText(text, "")}`]),
  ];
}
