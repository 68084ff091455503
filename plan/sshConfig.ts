import {
  configLine,
  includedPath,
  NO_VARIABLES,
  NOTHING_LENT_TO_CLONES,
  ONLY_THE_PIN,
  sshPath,
  sshWord,
} from "../model/sshPolicy";

/** A clone in the ssh configuration. */
export interface SshTarget {
  readonly name: string;
  readonly address: string;
  readonly user: string;
  /** `ssh-ed25519 AAAA…`; empty while it is unknown. */
  readonly hostKey: string;
  /** Longest time until its ssh server sends the banner, seconds. */
  readonly patience: number;
}

/** The droplet in the ssh configuration. The client's own configuration decides about undefined fields. */
export interface SshDroplet {
  readonly host: string;
  readonly user: string;
  readonly port: number;
  readonly privateKeyPath: string | undefined;
  readonly hostKey: string | undefined;
  /** From the operator's own configuration: the address, a proxy command, the login keys. */
  readonly hostName?: string;
  readonly proxyCommand?: string;
  readonly identityFiles?: readonly string[];
  /** A command that leads through the droplet, in place of ProxyJump. */
  readonly jumpCommand?: string;
}

/** The two files that let `ssh -F FILE vm0`, scp and Ansible reach a clone through its droplet. */
export interface SshFiles {
  readonly config: string;
  readonly knownHosts: string;
}

/** How an ssh configuration names what it leads to. */
export interface SshNames {
  readonly stack: string;
  /** The droplet's alias. */
  readonly droplet: string;
  /** A line that includes other configurations; empty for none. */
  readonly includes: string;
}

/** The line that includes the ssh_config of each folder in a folder, which is an absolute path. */
export function includeLine(folder: string): string {
  return `Include "${includedPath(folder)}/*/ssh_config"`;
}

/** The line of a configuration that includes others; empty if it has none. */
export function includesIn({ config }: Pick<SshFiles, "config">): string {
  return /^Include .*/.exec(config)?.[0] ?? "";
}

function aliasOf(stack: string, name: string): string {
  return `${name}.${stack}.hornet`;
}

/** Shortest timeout of a connection, seconds. */
const CONNECT_TIMEOUT = 20;

/**
 * Renders an ssh_config(5) and its known_hosts. The alias of a pinned host key contains the stack's name, because clones of
 * all droplets have the same addresses.
 *
 * @param folder absolute path of the folder of both files
 * @param droplet undefined where the droplet is this machine, which reaches its clones directly
 */
export function sshFiles(
  { stack, droplet: ownAlias, includes }: SshNames,
  folder: string,
  droplet: SshDroplet | undefined,
  clones: readonly SshTarget[],
): SshFiles {
  const known: string[] = [];
  const pin = (name: string, key: string | undefined): string[] => {
    if (key === undefined || key === "") return [];
    known.push(`${aliasOf(stack, name)} ${key}\n`);
    return [
      `  HostKeyAlias ${aliasOf(stack, name)}`,
      `  UserKnownHostsFile ${sshPath(`${folder}/known_hosts`)}`,
      ...ONLY_THE_PIN.map(configLine),
    ];
  };
  const identity =
    droplet?.privateKeyPath === undefined
      ? (droplet?.identityFiles ?? []).map((file) => `  IdentityFile ${sshWord(file)}`)
      : [`  IdentityFile ${sshPath(droplet.privateKeyPath)}`, "  IdentitiesOnly yes"];
  const blocks: string[][] = [];
  if (droplet !== undefined) {
    blocks.push([
      `Host ${ownAlias}`,
      `  HostName ${droplet.hostName ?? droplet.host}`,
      `  User ${droplet.user}`,
      `  Port ${droplet.port}`,
      ...(droplet.proxyCommand === undefined ? [] : [`  ProxyCommand ${droplet.proxyCommand}`]),
      ...identity,
      ...pin(ownAlias, droplet.hostKey),
    ]);
  }
  const jump = droplet === undefined ? [] : [jumpLine(droplet, ownAlias)];
  for (const { name, address, user, hostKey, patience } of clones) {
    blocks.push([
      `Host ${name}`,
      `  HostName ${address}`,
      `  User ${user}`,
      ...jump,
      // ConnectTimeout includes the wait for the banner. ssh uses the first of two values.
      ...(patience > CONNECT_TIMEOUT ? [`  ConnectTimeout ${patience}`] : []),
      ...identity,
      ...pin(name, hostKey),
    ]);
  }
  // Not `Host *`: an operator may include the file in a configuration with other hosts.
  const names = [...(droplet === undefined ? [] : [ownAlias]), ...clones.map(({ name }) => name)];
  const shared = ["BatchMode=yes", "StrictHostKeyChecking=yes", `ConnectTimeout=${CONNECT_TIMEOUT}`, "LogLevel=ERROR"];
  if (names.length > 0) {
    const lines = [...shared, ...NOTHING_LENT_TO_CLONES, NO_VARIABLES].map(configLine);
    blocks.push([`Host ${names.join(" ")}`, ...lines]);
  }
  // Before the first block, so that it applies to every host.
  const first = includes === "" ? "" : `${includes}\n\n`;
  return { config: first + blocks.map((lines) => `${lines.join("\n")}\n`).join("\n"), knownHosts: known.join("") };
}

function jumpLine({ jumpCommand }: SshDroplet, alias: string): string {
  return jumpCommand === undefined ? `  ProxyJump ${alias}` : `  ProxyCommand ${jumpCommand}`;
}

/** The clones in files that {@link sshFiles} has rendered, in their order. */
export function targetsIn(
  { stack, droplet }: Pick<SshNames, "stack" | "droplet">,
  { config, knownHosts }: SshFiles,
): SshTarget[] {
  const keys = new Map(knownHosts.split("\n").map((line) => [line.split(" ")[0], line.slice(line.indexOf(" ") + 1)]));
  return config.split("\n\n").flatMap((block) => {
    const value = (key: string): string | undefined => new RegExp(`^ *${key} (.+)$`, "m").exec(block)?.[1];
    const [name = "", address, user] = ["Host", "HostName", "User"].map(value);
    if (name === droplet || name.includes(" ") || address === undefined || user === undefined) return [];
    const patience = Number(value("ConnectTimeout") ?? 0);
    return [{ name, address, user, hostKey: keys.get(aliasOf(stack, name)) ?? "", patience }];
  });
}
