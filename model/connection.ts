import { z } from "zod";

const pace = {
  /** Seconds that connecting, or one command, may take. Default 60. */
  timeout: z.number().positive().optional(),
  /** Seconds that an operation waits for another one on the same droplet. Default 600. */
  lockTimeout: z.number().positive().optional(),
  /** Commands at once. Default 4; sshd allows 10 sessions on one connection (MaxSessions, sshd_config(5)). */
  lanes: z.number().int().min(1).max(8).optional(),
};

/**
 * How a droplet is reached. `{local: true}` runs on this machine; otherwise OpenSSH connects to `host`.
 *
 * `hostKey` is the droplet's public host key (`ssh-ed25519 AAAA…`); it pins the connection to exactly that key. Without
 * it the operator's own known_hosts decides, and a key that stands in neither is refused.
 */
export const connectionSchema = z.union([
  z.strictObject({ local: z.literal(true), ...pace }),
  z.strictObject({
    ...pace,
    host: z.string().regex(/^[A-Za-z0-9:][A-Za-z0-9.:_%-]*$/, "must be a host name or an IP address"),
    user: z
      .string()
      .regex(/^[A-Za-z_][A-Za-z0-9._-]*$/, "must be a login name")
      .default("root"),
    port: z.number().int().min(1).max(65535).default(22),
    privateKeyPath: z.string().min(1).optional(),
    hostKey: z
      .string()
      .regex(/^[a-z0-9@.-]+ [A-Za-z0-9+/]+={0,2}$/, "must be a public host key: TYPE BASE64")
      .optional(),
  }),
]);

/** A reachable droplet; see {@link connectionSchema}. */
export type Connection = z.infer<typeof connectionSchema>;

/** The connection's fields for a droplet that is this machine. */
export type LocalConnection = Extract<Connection, { local: true }>;

/** The connection's fields for a droplet that is reached over ssh. */
export type SshConnection = Exclude<Connection, { local: true }>;

/** True where the droplet is this very machine. */
export function isLocal(connection: Connection): connection is LocalConnection {
  return "local" in connection;
}

/** The droplet's name in messages: `root@203.0.113.10:22`, or `this machine`. */
export function describeConnection(connection: Connection): string {
  return isLocal(connection) ? "this machine" : `${connection.user}@${connection.host}:${connection.port}`;
}
