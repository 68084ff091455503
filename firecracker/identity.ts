import { randomBytes } from "node:crypto";
import { dropbearKey } from "./hostkey";

/** How a guest gets its identity; see docs/identity.md. */
export type IdentityMethod = "service" | "ssh" | "cloud-init";

/** How the agent in a guest is run; see guest/identity/run-agent. */
export interface AgentRun {
  /** Run by a POSIX shell. */
  readonly command: string;
  /** Whose process it is. */
  readonly user: string;
  readonly restart: "always" | "on-failure" | "never";
}

/** A clone's identity, as the guest applies it. */
export interface Identity {
  /** A new value makes the guest apply the rest again; hex. */
  readonly generation: string;
  readonly hostname: string;
  /** 32 hex digits (machine-id(5)). */
  readonly machineId: string;
  /** OpenSSH private key, ed25519; undefined: the guest has it already. */
  readonly hostKey: string | undefined;
  readonly authorizedKeys: readonly string[];
  /** The guest's login user. */
  readonly user: string;
  readonly env: Readonly<Record<string, string>>;
  readonly agent?: AgentRun | undefined;
  /** The guest's own service that is its agent, in a guest without Hornet's identity service. */
  readonly service?: string | undefined;
}

/** The droplet's library replaces this with its clock as it sends: seconds since 1970 with a fraction. */
export const CLOCK_MARK = "@CLOCK@";

/** A fresh generation. */
export function newGeneration(): string {
  return randomBytes(8).toString("hex");
}

/**
 * An environment file that a POSIX shell, exporting, and systemd's `EnvironmentFile=` read to exactly these values: both
 * take a backslash in double quotes for the same four characters. systemd passes over the last line.
 */
export function environmentFile(env: Readonly<Record<string, string>>): string {
  const names = Object.keys(env);
  const lines = Object.entries(env).map(([name, value]) => `${name}="${value.replaceAll(/[\\"$`]/g, "\\$&")}"\n`);
  return names.length === 0 ? "" : `${lines.join("")}export ${names.join(" ")}\n`;
}

/**
 * A value as one line that printf's %b, of every POSIX shell, makes the same bytes of again. Nothing in it can be taken for
 * one of the marks that the droplet's library fills in.
 */
function escaped(value: string | Buffer): string {
  const octal = (byte: number): string => `\\0${byte.toString(8).padStart(3, "0")}`;
  if (typeof value !== "string") return [...value].map(octal).join("");
  return value.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll("@", octal(0x40));
}

/**
 * The identity as guest/identity/apply.sh takes it apart: lines of key=value, values escaped where they may be anything,
 * so that no byte of one can end a line, and reading them costs a guest no process. The clock is left out; it is known only
 * at the moment of sending.
 *
 * The seed is another one each time: it makes two clones' random numbers differ also where the kernel has no VMGenID.
 */
export function identityText(identity: Identity): string {
  const { agent, service, hostKey } = identity;
  const lines: readonly (readonly [string, string])[] = [
    ["format", "2"],
    ["generation", identity.generation],
    ["seed", randomBytes(64).toString("base64")],
    ["hostname", identity.hostname],
    ["machine-id", identity.machineId],
    ...(hostKey === undefined ? [] : hostKeyLines(hostKey)),
    ["authorized-keys", escaped(identity.authorizedKeys.map((key) => `${key.trim()}\n`).join(""))],
    ["user", identity.user],
    ["env", escaped(environmentFile(identity.env))],
    ...(agent === undefined ? [] : [["agent", escaped(agentFile(agent))] as const]),
    ...(service === undefined ? [] : [["service", service] as const]),
  ];
  return lines.map(([key, value]) => `${key}=${value}\n`).join("");
}

/** For whichever ssh server the guest has: to make one form of the other is work for a guest. */
function hostKeyLines(hostKey: string): [string, string][] {
  return [
    ["host-key", escaped(hostKey)],
    ["dropbear-key", escaped(dropbearKey(hostKey))],
  ];
}

/** The file that run-agent reads. */
export function agentFile({ command, user, restart }: AgentRun): string {
  return environmentFile({ AGENT_COMMAND: command, AGENT_USER: user, AGENT_RESTART: restart });
}
