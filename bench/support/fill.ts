/**
 * Writes a file of a given size inside a droplet: `fill.ts PATH MIB PERCENT`. PERCENT of its 4 KiB pages hold random
 * bytes, in runs as a used memory or disk has them; the others are zero, written as real blocks, because that is how a VMM leaves
 * its memory file. Random, so that no file system can make it smaller.
 */
import { randomFillSync } from "node:crypto";
import { closeSync, fsyncSync, openSync, writeSync } from "node:fs";

const [path = "", mib = "", percent = ""] = process.argv.slice(2);
const chunk = Buffer.alloc(1024 * 1024);
const used = Math.round((chunk.length * Number(percent)) / 100 / 4096) * 4096;
const file = openSync(path, "w", 0o644);
for (let at = 0; at < Number(mib); at++) {
  randomFillSync(chunk, 0, used);
  writeSync(file, chunk);
}
fsyncSync(file);
closeSync(file);
