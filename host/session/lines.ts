import { StringDecoder } from "node:string_decoder";
import type { Readable } from "node:stream";

/** Characters; no event or progress line of Hornet is longer. */
const LONGEST = 8192;

/**
 * Calls back with each line of a stream and drops longer lines than Hornet prints. Node's readline keeps a whole line: a
 * droplet that sent 512 MiB without a line feed ended the process.
 */
export function readLines(stream: Readable, onLine: (line: string) => void): void {
  const decoder = new StringDecoder("utf8");
  let half = "";
  let dropping = false;
  stream.on("data", (piece: Buffer) => {
    const [first = "", ...rest] = decoder.write(piece).split("\n");
    const last = rest.pop();
    if (!dropping) half += first;
    if (last === undefined) {
      if (half.length > LONGEST) [half, dropping] = ["", true];
      return;
    }
    for (const line of [...(dropping ? [] : [half]), ...rest]) if (line.length <= LONGEST) onLine(line);
    [half, dropping] = last.length > LONGEST ? ["", true] : [last, false];
  });
}
