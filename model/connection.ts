import { z } from "zod";
import { defaults } from "./defaults";
import { hostKey, hostName, lanes, loginName, operatorPath, port, seconds } from "./values";

/** How an operator's machine reaches a droplet. */
export const connectionFields = {
  /** The droplet's name or IP address. */
  host: hostName,
  /** @default root */
  user: loginName.default(defaults.user),
  /** @default 22 */
  port: port.default(22),
  /** A private key on the operator's machine; left out, ssh's own agent and default keys do. */
  privateKeyPath: operatorPath.optional(),
  /**
   * The droplet's public host key (`ssh-ed25519 AAAA…`), which pins the connection to exactly that key. Left out, the
   * operator's known_hosts must have it.
   */
  hostKey: hostKey.optional(),
};

const pace = {
  /**
   * Seconds that connecting, or one command, may take.
   * @default 60
   */
  timeout: seconds(1).optional(),
  /**
   * Seconds that an operation waits for another one on the same droplet.
   * @default 600
   */
  lockTimeout: seconds(1).optional(),
  /**
   * Commands at once; sshd allows 10 sessions on one connection (MaxSessions, sshd_config(5)).
   * @default 4
   */
  lanes: lanes.optional(),
};

/** How a droplet is reached. `{local: true}` runs on this machine; otherwise OpenSSH connects to `host`. */
export const connectionSchema = z.union([
  z.strictObject({ local: z.literal(true), ...pace }),
  z.strictObject({ ...connectionFields, ...pace }),
]);

/** A reachable droplet; see {@link connectionSchema}. */
export type Connection = z.infer<typeof connectionSchema>;

/** The connection's fields for a droplet that is this machine. */
export type LocalConnection = Extract<Connection, { local: true }>;

/** The connection's fields for a droplet that is reached over ssh. */
export type SshConnection = Exclude<Connection, { local: true }>;

/** True if the droplet is this machine. */
export function isLocal(connection: Connection): connection is LocalConnection {
  return "local" in connection;
}

/** The droplet's name in messages: `root@203.0.113.10:22`, or `this machine`. */
export function describeConnection(connection: Connection): string {
  return isLocal(connection) ? "this machine" : `${connection.user}@${connection.host}:${connection.port}`;
}
