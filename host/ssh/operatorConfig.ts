import type { SshConnection } from "../../model/connection";
import { capture } from "../exec";
import { asProxyCommand } from "./proxyCommand";

/** How the operator's ssh_config(5) reaches a droplet's host. */
export interface OperatorRoute {
  /** The address behind an alias. */
  readonly hostName?: string;
  /** A command that connects to the host, through a bastion for example; `%h` and `%p` are its address and port. */
  readonly proxyCommand?: string;
  /** Keys to log in with. */
  readonly identityFiles?: readonly string[];
}

/** Keys that ssh tries by default (ssh(1)). */
const USUAL = /^~\/\.ssh\/id_[a-z0-9_]+$/;

/** Parses the output of `ssh -G` for a host. */
export function parseRoute(text: string, host: string): OperatorRoute {
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

/** ProxyJump as a command: only a separate ssh reads the operator's configuration for the jump hosts. */
function through(jump: string): string {
  const hops = jump.split(",").map((hop) => (hop.startsWith("ssh://") ? hop : `ssh://${hop}`));
  const last = hops.pop() ?? "";
  const before = hops.length === 0 ? [] : ["-J", hops.join(",")];
  return asProxyCommand(["ssh", "-o", "BatchMode=yes", ...before, "-W", "[%h]:%p", "--", last]);
}

/**
 * The route that the operator's ssh takes to a droplet. Hornet uses it too, but `ssh -F FILE` replaces the operator's
 * configuration, so that file must repeat what matters of it.
 */
export function operatorRoute({ host, user, port }: SshConnection): Promise<OperatorRoute> {
  return capture(["ssh", "-G", "-l", user, "-p", String(port), "--", host]).then(
    ({ code, stdout }) => (code === 0 ? parseRoute(stdout, host) : {}),
    () => ({}),
  );
}
