import { existsSync, readFileSync } from "node:fs";
import { homedir, userInfo } from "node:os";
import { join } from "node:path";
import { isLocal, type Connection, type SshConnection } from "../../model/connection";
import { configLine, includedPath, NO_VARIABLES, NOTHING_LENT, ONLY_THE_PIN, sshPath } from "../../model/sshPolicy";
import { writeWhole } from "../wholeFile";

/** A droplet's name in known_hosts; with a port other than 22 the host is in brackets (sshd(8)). */
function knownName({ host, port }: SshConnection): string {
  return port === 22 ? host : `[${host}]:${port}`;
}

/** The line of a known_hosts file that pins a droplet's key. */
export function knownHostsLine(connection: SshConnection): string | undefined {
  return connection.hostKey === undefined ? undefined : `${knownName(connection)} ${connection.hostKey}\n`;
}

/** ssh's default configuration files: the user's, whose home ssh takes from the user database, and the system's. */
const OPERATOR_FILES: readonly string[] = [join(userInfo().homedir, ".ssh/config"), "/etc/ssh/ssh_config"];

/**
 * Includes the operator's configuration, then removes the variables that it sends. The operator's HostName, ProxyJump,
 * ProxyCommand, IdentityFile, IdentityAgent and algorithms still apply.
 */
function operatorConfig(files: readonly string[]): string {
  return [...files.map((file) => `Include "${includedPath(file)}"`), "Host *", configLine(NO_VARIABLES), ""].join("\n");
}

/** Writes a file that several connections of a session share; no reader ever sees a part of it. */
function writeShared(file: string, text: string): void {
  if (!existsSync(file) || readFileSync(file, "utf8") !== text) writeWhole(file, text);
}

/**
 * OpenSSH's options for a droplet. ssh never prompts and refuses an unknown or changed host key.
 *
 * @param folder a private folder for the control socket, the configuration and the pinned known_hosts file; its path must
 *   be short, since a unix socket's path holds 107 bytes (unix(7))
 * @param operatorFiles the operator's configuration files, highest priority first
 */
export function sshOptions(
  connection: SshConnection,
  folder: string,
  operatorFiles: readonly string[] = OPERATOR_FILES,
): string[] {
  const config = join(folder, "config");
  writeShared(config, operatorConfig(operatorFiles));
  const options = [
    "BatchMode=yes",
    "StrictHostKeyChecking=yes",
    `ConnectTimeout=${Math.ceil(connection.timeout ?? 60)}`,
    "ServerAliveInterval=5",
    "ServerAliveCountMax=3",
    "LogLevel=ERROR",
    ...NOTHING_LENT,
    `ControlPath=${sshPath(join(folder, "c"))}`,
  ];
  const pin = knownHostsLine(connection);
  if (pin !== undefined) {
    const file = join(folder, "known_hosts");
    writeShared(file, pin);
    // The operator's configuration may declare the host an alias of another one.
    options.push(`UserKnownHostsFile=${sshPath(file)}`, ...ONLY_THE_PIN, `HostKeyAlias=${knownName(connection)}`);
  }
  if (connection.privateKeyPath !== undefined) {
    options.push(`IdentityFile=${sshPath(expandHome(connection.privateKeyPath))}`, "IdentitiesOnly=yes");
  }
  return [
    "-F",
    config,
    ...options.flatMap((option) => ["-o", option]),
    "-l",
    connection.user,
    "-p",
    String(connection.port),
  ];
}

/** `~/x` as an absolute path of the operator's home. */
export function expandHome(path: string): string {
  return path.startsWith("~/") ? join(homedir(), path.slice(2)) : path;
}

/** Lines of ssh's warning about a changed host key that do not apply to Hornet's temporary known_hosts. */
const IRRELEVANT_WARNING =
  /^(@.*|IT IS POSSIBLE THAT .*|Someone could be .*|It is also possible .*|Please contact .*|Add correct host key in .*|Offending .*|\s*remove with:|\s*ssh-keygen -f .*)\r?\n/gm;

/** ssh's stderr without the advice about known_hosts, which Hornet deletes after the command. */
export function sshOutput(stderr: string): string {
  return stderr.replace(IRRELEVANT_WARNING, "").trim();
}

/** Words of a failed connection, and the next step after them; the first that fits. */
const HINTS: readonly (readonly [words: RegExp, next: string])[] = [
  [
    /HOST IDENTIFICATION HAS CHANGED|Host key for .* has changed|Host key verification failed|No .* host key is known/i,
    "the droplet's host key is not the expected one; read it on the droplet's console " +
      "(/etc/ssh/ssh_host_ed25519_key.pub) and set it as hornet:droplet.hostKey if it is really that machine",
  ],
  [
    /Permission denied|Too many authentication failures/i,
    "set hornet:droplet.privateKeyPath (or load the key into your ssh agent) and check hornet:droplet.user",
  ],
  [
    /banner exchange|kex_exchange_identification|No SSH identification string|Connection (closed|reset) by /i,
    "sshd, or whatever listens there, takes the connection and closes it or says nothing: look at its log (journalctl -u ssh) " +
      "for MaxStartups, PerSourcePenalties and LoginGraceTime, exempt this machine there " +
      "(PerSourcePenaltyExemptList), or wait some minutes; check hornet:droplet.port too",
  ],
  [
    /Connection refused|timed out|No route to host|Could not resolve/i,
    "check hornet:droplet.host and port, and that the machine is up and lets you in; if it no longer exists, set " +
      "HORNET_GONE=HOST in the environment, and Hornet forgets everything that was on it",
  ],
  [
    /(^|: )sudo: /m,
    "let the user of hornet:droplet.user run everything by sudo without a password and without a terminal " +
      "(/etc/sudoers.d: `USER ALL=(ALL) NOPASSWD: ALL`, `Defaults:USER !requiretty`), or log in as root",
  ],
  [
    /no shell answered/i,
    "the login shell waits for something: run `ssh USER@HOST true` by hand, and look at the shell's start-up files " +
      "(.bashrc, .zshrc, .cshrc); hornet:droplet.timeout is the limit",
  ],
  [
    /login as the user|not available|restricted|unrecognized command|Connection to .* closed|the droplet printed:/i,
    "the login runs something else than the commands it gets: a forced command in authorized_keys or sshd_config " +
      "(ForceCommand), or a login shell like nologin; set hornet:droplet.user to a user with a plain shell, or remove it",
  ],
];

/** The next step after a failed connection to a droplet, derived from what ssh and the droplet printed. */
export function connectionHint(text: string, droplet?: Connection): string {
  const hint = HINTS.find(([words]) => words.test(text))?.[1] ?? "try the same connection by hand with ssh -v";
  if (droplet === undefined || isLocal(droplet)) return hint;
  const { host, port } = droplet;
  return hint.replace("HORNET_GONE=HOST", `HORNET_GONE=${host.includes(":") ? `[${host}]` : host}:${port}`);
}
