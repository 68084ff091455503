import { cipherOptions } from "../ssh/ciphers";
import { isLocal, type Connection } from "../../model/connection";
import { GONE } from "./lane";
import { laneBootstrap } from "./library";
import { quote } from "../quote";
import { sshOptions } from "../ssh/options";

/** How a shell on a droplet is started. */
export interface ShellStart {
  readonly connection: Connection;
  /** A private folder for ssh's control socket. */
  readonly folder: string;
  /** This shell carries the connection that the session's other ones share. Over ssh it reads a key first; see Lane. */
  readonly first: boolean;
  /** The session's id; shells of one session are told by it. */
  readonly session: string;
  /** The library function that serves, and its arguments. They stand in the process list: nothing secret. */
  readonly serve: readonly string[];
}

/** The command that becomes a shell on the droplet, with the library still to be sent to its stdin. */
export function shellCommand({ connection, folder, first, session, serve }: ShellStart): [string, ...string[]] {
  const shell = ["bash", "--noprofile", "--norc", "-c", laneBootstrap, "hornet-lane", session, ...serve] as const;
  if (isLocal(connection)) return [...shell];
  const words = `${connection.user === "root" ? "" : "sudo -n "}${shell.map(quote).join(" ")}`;
  const options = sshOptions(connection, folder);
  return [
    "ssh",
    "-T",
    // The first one's connection carries the others, so it alone is encrypted.
    ...(first ? cipherOptions(options, connection.host) : []),
    ...options,
    "-o",
    `ControlMaster=${first ? "yes" : "no"}`,
    "--",
    connection.host,
    // The ssh that carries the others lives on when its own shell has died, so that has to be said: behind a key from
    // stdin, or a guest's output could say it.
    first ? `exec sh -c ${quote(`IFS= read -r k; ${words}; printf "\\036%s ${GONE}\\n" "$k"`)}` : `exec ${words}`,
  ];
}
