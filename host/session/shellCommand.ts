import { cipherOptions } from "../ssh/ciphers";
import { isLocal, type Connection } from "../../model/connection";
import { GONE } from "./lane";
import { laneBootstrap } from "./library";
import { quote } from "../quote";
import { sshOptions } from "../ssh/options";

/** How to start a shell on a droplet. */
export interface ShellStart {
  readonly connection: Connection;
  /** A private folder for ssh's control socket. */
  readonly folder: string;
  /** This shell carries the connection of the session's other shells. Over ssh it reads a key first; see Lane. */
  readonly first: boolean;
  /** The session's id, which identifies its shells. */
  readonly session: string;
  /** The library function that serves, and its arguments. A process list shows them: nothing secret. */
  readonly serve: readonly string[];
}

/**
 * Runs the words behind it. The ssh that carries the others outlives its own shell, so the remote side reports the shell's end:
 * behind a key from stdin, so that no guest's output can forge it.
 */
const ANNOUNCES_ITS_END = `IFS= read -r k; "$@"; printf "\\036%s ${GONE}\\n" "$k"`;

/**
 * The command that becomes a shell on the droplet, whose stdin then expects the library. The login shell parses its words: each
 * is quoted once, without a quote or a backslash pair within, because fish and csh read nested quotes in another way; and
 * `exec` is not among them, because a restricted bash refuses it.
 */
export function shellCommand({ connection, folder, first, session, serve }: ShellStart): [string, ...string[]] {
  // -p: what the login shell exports (BASH_ENV, functions, SHELLOPTS, TMOUT for `read`) does not reach the lane.
  const shell = ["bash", "--norc", "-p", "-c", laneBootstrap, "hornet-lane", session, ...serve] as const;
  if (isLocal(connection)) return [...shell];
  const words = [...(connection.user === "root" ? [] : ["sudo", "-n"]), ...shell];
  const options = sshOptions(connection, folder);
  return [
    "ssh",
    "-T",
    // The first shell's connection carries the others, so it alone is encrypted.
    ...(first ? cipherOptions(options, connection.host) : []),
    ...options,
    "-o",
    `ControlMaster=${first ? "yes" : "no"}`,
    "--",
    connection.host,
    (first ? ["sh", "-c", ANNOUNCES_ITS_END, "sh", ...words] : words).map(quote).join(" "),
  ];
}
