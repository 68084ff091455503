/**
 * Options of ssh_config(5) that Hornet sets for every connection to a droplet or a clone, whatever the operator's configuration
 * contains. A droplet runs hostile guests, so the operator lends nothing to it and accepts only its pinned host key. ssh uses
 * the first value of an option, so these come first.
 */

/** The other side gets no agent, display, credential or tunnel of the operator, and ssh runs nothing on this machine. */
const LENT: readonly string[] = [
  "ForwardAgent=no",
  "ForwardX11=no",
  "ForwardX11Trusted=no",
  "GSSAPIDelegateCredentials=no",
  "Tunnel=no",
  "GatewayPorts=no",
  // SetEnv has no value that means none, so a harmless variable takes its place.
  "SetEnv=HORNET_SSH=1",
  "PermitLocalCommand=no",
  "LocalCommand=none",
  "RemoteCommand=none",
  "AddKeysToAgent=no",
  "UpdateHostKeys=no",
];

/** For connections that a person opens: they may ask for a terminal or a forwarding on the command line. */
export const NOTHING_LENT_TO_CLONES: readonly string[] = [
  ...LENT,
  // Clones have the same addresses on every droplet, so a shared connection named by address may lead to another clone.
  "ControlMaster=no",
  "ControlPath=none",
];

/** For Hornet's connections, which a configured terminal, forwarding or closed stdin would break. */
export const NOTHING_LENT: readonly string[] = [
  ...LENT,
  "ClearAllForwardings=yes",
  "SessionType=default",
  "RequestTTY=no",
  "StdinNull=no",
  "ForkAfterAuthentication=no",
  "ControlPersist=no",
  "EscapeChar=none",
  "VisualHostKey=no",
];

/**
 * Removes every variable that the preceding configuration sends (SendEnv): ssh removes only those that it has read so far.
 */
export const NO_VARIABLES = "SendEnv=-*";

/** With a pinned host key, no other file, command, DNS record or address vouches for another key. */
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

/** A path as one word of an option's value: a quote in it would end the word. */
export function sshWord(path: string): string {
  return `"${path.replaceAll(/["\\]/g, "\\$&")}"`;
}

/**
 * A path as the value of an option that expands tokens, such as IdentityFile: ssh took the "% " of a folder "100% mine" for an
 * unknown token and did not start.
 */
export function sshPath(path: string): string {
  return sshWord(path.replaceAll("%", "%%"));
}

/**
 * A path as the value of Include, to which further ones may be appended. ssh expands `*` in it, in quotes too, and since 9.9
 * variables and tokens: `?` stands for any one character.
 */
export function includedPath(path: string): string {
  return path.replaceAll(/["\\%$*?[\]]/g, "?");
}

/** `Key=value` as a line of an ssh_config file. */
export function configLine(option: string): string {
  return `  ${option.replace("=", " ")}`;
}
