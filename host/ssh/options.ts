import { writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { SshConnection } from "../../model/connection";

/** How known_hosts names a droplet; a port other than 22 stands behind brackets (sshd(8)). */
function knownName({ host, port }: SshConnection): string {
  return port === 22 ? host : `[${host}]:${port}`;
}

/** The line of a known_hosts file that pins a droplet's key. */
export function knownHostsLine(connection: SshConnection): string | undefined {
  return connection.hostKey === undefined ? undefined : `${knownName(connection)} ${connection.hostKey}\n`;
}

/**
 * The options of ssh_config(5) by which the operator's own configuration, for `Host *` say, would lend something to the other
 * side, run something here, or break a shell that is spoken to by a program. How the host is reached stays the operator's:
 * HostName, ProxyJump, ProxyCommand, IdentityFile, IdentityAgent, and algorithms.
 */
export const NOTHING_LENT: readonly string[] = [
  "ForwardAgent=no",
  "ForwardX11=no",
  "ForwardX11Trusted=no",
  "GSSAPIDelegateCredentials=no",
  "ClearAllForwardings=yes",
  "Tunnel=no",
  "GatewayPorts=no",
  // A minus removes what the configuration names; SetEnv has no such form, and its first value counts.
  "SendEnv=-*",
  "SetEnv=HORNET_SSH=1",
  "PermitLocalCommand=no",
  "LocalCommand=none",
  "RemoteCommand=none",
  "SessionType=default",
  "RequestTTY=no",
  "StdinNull=no",
  "ForkAfterAuthentication=no",
  "ControlPersist=no",
  "EscapeChar=none",
  "AddKeysToAgent=no",
  "UpdateHostKeys=no",
  "VisualHostKey=no",
];

/** The options by which a pinned host key is the only one that counts, whatever else the operator trusts. */
export const ONLY_THE_PIN: readonly string[] = [
  "GlobalKnownHostsFile=/dev/null",
  "KnownHostsCommand=none",
  "VerifyHostKeyDNS=no",
  "CheckHostIP=no",
  "CanonicalizeHostname=no",
  "NoHostAuthenticationForLocalhost=no",
  "HostbasedAuthentication=no",
  "HashKnownHosts=no",
];

/**
 * OpenSSH's options for a droplet. Nothing is ever asked and an unknown or changed host key is refused.
 *
 * @param folder a private folder for the control socket and the pinned known_hosts file; its path must be short, since
 *   a unix socket's path holds 107 bytes (unix(7))
 */
export function sshOptions(connection: SshConnection, folder: string): string[] {
  const options = [
    "BatchMode=yes",
    "StrictHostKeyChecking=yes",
    `ConnectTimeout=${Math.ceil(connection.timeout ?? 60)}`,
    "ServerAliveInterval=5",
    "ServerAliveCountMax=3",
    "LogLevel=ERROR",
    ...NOTHING_LENT,
    `ControlPath="${join(folder, "c")}"`,
  ];
  const pin = knownHostsLine(connection);
  if (pin !== undefined) {
    const file = join(folder, "known_hosts");
    writeFileSync(file, pin, { mode: 0o600 });
    // The operator's own configuration may say that the host is an alias of another one.
    options.push(`UserKnownHostsFile="${file}"`, ...ONLY_THE_PIN, `HostKeyAlias=${knownName(connection)}`);
  }
  if (connection.privateKeyPath !== undefined) {
    options.push(`IdentityFile="${expandHome(connection.privateKeyPath)}"`, "IdentitiesOnly=yes");
  }
  return [...options.flatMap((option) => ["-o", option]), "-l", connection.user, "-p", String(connection.port)];
}

/** `~/x` as an absolute path of the operator's home. */
export function expandHome(path: string): string {
  return path.startsWith("~/") ? join(homedir(), path.slice(2)) : path;
}

/** Of ssh's warning of a host key that changed, what has nothing to do with how Hornet checks it. */
const NOT_OURS =
  /^(@.*|IT IS POSSIBLE THAT .*|Someone could be .*|It is also possible .*|Please contact .*|Add correct host key in .*|Offending .*|\s*remove with:|\s*ssh-keygen -f .*)\r?\n/gm;

/** What ssh said on stderr, without advice about a known_hosts that lives as long as the command. */
export function sshWords(stderr: string): string {
  return stderr.replace(NOT_OURS, "").trim();
}

/** What to do about a connection that ssh refused, read from the end of its stderr. */
export function connectionHint(stderr: string): string {
  if (
    /HOST IDENTIFICATION HAS CHANGED|Host key for .* has changed|Host key verification failed|No .* host key is known/i.test(
      stderr,
    )
  ) {
    return (
      "the droplet's host key is not the expected one; read it on the droplet's console " +
      "(/etc/ssh/ssh_host_ed25519_key.pub) and set it as hornet:droplet.hostKey if it is really that machine"
    );
  }
  if (/Permission denied/i.test(stderr)) {
    return "set hornet:droplet.privateKeyPath (or load the key into your ssh agent) and check hornet:droplet.user";
  }
  if (/Connection refused|timed out|No route to host|Could not resolve/i.test(stderr)) {
    return (
      "check hornet:droplet.host and port, and that the machine is up and lets you in; of one that is gone for good, with " +
      "all that was on it, HORNET_GONE=HOST in the environment lets Hornet forget"
    );
  }
  if (/(^|: )sudo: /m.test(stderr)) {
    return (
      "let the user of hornet:droplet.user run everything by sudo without a password and without a terminal " +
      "(/etc/sudoers.d: `USER ALL=(ALL) NOPASSWD: ALL`, `Defaults:USER !requiretty`), or log in as root"
    );
  }
  return "try the same connection by hand with ssh -v";
}
