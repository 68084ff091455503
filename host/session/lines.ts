import { StringDecoder } from "node:string_decoder";
import type { Readable } from "node:stream";

/** Characters of one line; no event or progress of Hornet's own is longer. */
const LONGEST = 8192;

/**
 * Calls back with each line of a stream. A line without an end costs no memory: it is dropped once it is longer than any of
 * Hornet's own. Node's readline keeps all of it, and a droplet that sent 512 MiB without a line feed ended the process.
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
