import type { SshConnection } from "../../model/connection";
import { capture } from "../exec";
import { quote } from "../quote";

/** What the operator's own ssh_config(5) says of a droplet's host. */
export interface OperatorsWay {
  /** The address that an alias stands for. */
  readonly hostName?: string;
  /** A command that leads to the host, through a bastion say; `%h` and `%p` are its address and port. */
  readonly proxyCommand?: string;
  /** Keys to log in with. */
  readonly identityFiles?: readonly string[];
}

/** Keys that every client tries by itself (ssh(1)). */
const USUAL = /^~\/\.ssh\/id_[a-z0-9_]+$/;

/** Reads what `ssh -G` says of a host. */
export function parseWay(text: string, host: string): OperatorsWay {
  const all = (key: string): string[] =>
    text.split("\n").flatMap((line) => (line.startsWith(`${key} `) ? [line.slice(key.length + 1).trim()] : []));
  const [hostName = host] = all("hostname");
  const [jump = "none"] = all("proxyjump");
  const [command = "none"] = all("proxycommand");
  const proxyCommand = command !== "none" ? command : jump !== "none" ? through(jump) : undefined;
  const identityFiles = all("identityfile").filter((file) => file !== "none" && !USUAL.test(file));
  return {
    ...(hostName !== host && { hostName }),
    ...(proxyCommand !== undefined && { proxyCommand }),
    ...(identityFiles.length > 0 && { identityFiles }),
  };
}

/** ProxyJump as a command: only an ssh of its own looks into the operator's configuration for the hosts on the way. */
function through(jump: string): string {
  const hops = jump.split(",").map((hop) => (hop.startsWith("ssh://") ? hop : `ssh://${hop}`));
  const last = hops.pop() ?? "";
  const before = hops.length === 0 ? [] : ["-J", hops.join(",")];
  return ["ssh", "-o", "BatchMode=yes", ...before, "-W", "[%h]:%p", "--", last]
    .map((word) => (word === "[%h]:%p" ? word : quote(word.replaceAll("%", "%%"))))
    .join(" ");
}

/**
 * How the operator's ssh goes to a droplet: connections of Hornet's go the same way, but a file that is given with `ssh -F`
 * takes the place of that configuration, so what counts has to stand in it.
 */
export function operatorsWay({ host, user, port }: SshConnection): Promise<OperatorsWay> {
  return capture(["ssh", "-G", "-l", user, "-p", String(port), "--", host]).then(
    ({ code, stdout }) => (code === 0 ? parseWay(stdout, host) : {}),
    () => ({}),
  );
}
