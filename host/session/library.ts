import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { quote } from "../quote";

const folder = join(__dirname, "../../droplet");

/**
 * All scripts of droplet/, which run on a droplet, as one text. A Perl program `NAME.pl` becomes the variable
 * `NAME_program`.
 */
export function readLibrary(): string {
  return libraryFiles().map(asShell).join("\n");
}

/** The scripts and programs of droplet/, as paths below it, in the order in which a lane reads them. */
export function libraryFiles(): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => /\.(sh|pl)$/.test(file))
    .sort();
}

function asShell(file: string): string {
  const text = readFileSync(join(folder, file), "utf8");
  if (file.endsWith(".pl")) return `${basename(file, ".pl")}_program=${quote(text)}\n`;
  // Without comments: an argument holds 128 KiB (MAX_ARG_STRLEN, linux/binfmts.h), and every lane reads the text.
  return text.replaceAll(/^[ \t]*#.*\n/gm, "");
}

/**
 * The first code of a lane: read the library from stdin, then serve. `head -c` reads exactly so many bytes; the final x
 * keeps trailing newlines through the command substitution. A hardened login shell exports TMOUT, which ends every `read` of an
 * idle lane.
 */
export const laneBootstrap =
  'unset TMOUT; IFS= read -r n && l=$(head -c "$n"; printf x) && unset n && eval "${l%x}" && unset l && hornet_session=$1 && shift && "$@"';
