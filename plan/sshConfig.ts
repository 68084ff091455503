import { configLine, NO_VARIABLES, NOTHING_LENT_TO_CLONES, ONLY_THE_PIN, sshPath } from "../model/sshPolicy";

/** A clone as an ssh client must know it. */
export interface SshTarget {
  readonly name: string;
  readonly address: string;
  readonly user: string;
  /** `ssh-ed25519 AAAA…`; empty where it is not known. */
  readonly hostKey: string;
  /** Seconds that its ssh server may take until it sends its banner. */
  readonly patience: number;
}

/** The droplet as an ssh client must know it; undefined fields are left to the client's own configuration. */
export interface SshDroplet {
  readonly host: string;
  readonly user: string;
  readonly port: number;
  readonly privateKeyPath: string | undefined;
  readonly hostKey: string | undefined;
  /** Where the operator's own configuration says so: the address, a command that leads there, the keys to log in with. */
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

/** Seconds that a connection may take at least. */
const CONNECT_TIMEOUT = 20;

/**
 * Writes an ssh_config(5) and its known_hosts. Every host key is pinned under an alias of the stack's own, because clone
 * addresses are the same on every droplet.
 *
 * @param folder the absolute folder that the files will lie in
 * @param droplet undefined where the droplet is this machine, which reaches its clones directly
 */
export function sshFiles(
  stack: string,
  folder: string,
  droplet: SshDroplet | undefined,
  clones: readonly SshTarget[],
): SshFiles {
  const known: string[] = [];
  const alias = (name: string): string => `${name}.${stack}.hornet`;
  const pin = (name: string, key: string | undefined): string[] => {
    if (key === undefined || key === "") return [];
    known.push(`${alias(name)} ${key}\n`);
    return [
      `  HostKeyAlias ${alias(name)}`,
      `  UserKnownHostsFile ${sshPath(`${folder}/known_hosts`)}`,
      ...ONLY_THE_PIN.map(configLine),
    ];
  };
  const identity =
    droplet?.privateKeyPath === undefined
      ? (droplet?.identityFiles ?? []).map((file) => `  IdentityFile "${file}"`)
      : [`  IdentityFile ${sshPath(droplet.privateKeyPath)}`, "  IdentitiesOnly yes"];
  const blocks: string[][] = [];
  if (droplet !== undefined) {
    blocks.push([
      "Host droplet",
      `  HostName ${droplet.hostName ?? droplet.host}`,
      `  User ${droplet.user}`,
      `  Port ${droplet.port}`,
      ...(droplet.proxyCommand === undefined ? [] : [`  ProxyCommand ${droplet.proxyCommand}`]),
      ...identity,
      ...pin("droplet", droplet.hostKey),
    ]);
  }
  const jump = droplet === undefined ? [] : [jumpLine(droplet)];
  for (const { name, address, user, hostKey, patience } of clones) {
    blocks.push([
      `Host ${name}`,
      `  HostName ${address}`,
      `  User ${user}`,
      ...jump,
      // ssh counts the banner as a part of connecting; of two values it takes the first.
      ...(patience > CONNECT_TIMEOUT ? [`  ConnectTimeout ${patience}`] : []),
      ...identity,
      ...pin(name, hostKey),
    ]);
  }
  // Not `Host *`: an operator who includes the file in their own configuration has other hosts too.
  const names = [...(droplet === undefined ? [] : ["droplet"]), ...clones.map(({ name }) => name)];
  const shared = ["BatchMode=yes", "StrictHostKeyChecking=yes", `ConnectTimeout=${CONNECT_TIMEOUT}`, "LogLevel=ERROR"];
  if (names.length > 0) {
    const lines = [...shared, ...NOTHING_LENT_TO_CLONES, NO_VARIABLES].map(configLine);
    blocks.push([`Host ${names.join(" ")}`, ...lines]);
  }
  return { config: blocks.map((lines) => `${lines.join("\n")}\n`).join("\n"), knownHosts: known.join("") };
}

function jumpLine({ jumpCommand }: SshDroplet): string {
  return jumpCommand === undefined ? "  ProxyJump droplet" : `  ProxyCommand ${jumpCommand}`;
}
