import { z } from "zod";

/**
 * How a droplet is reached. `{local: true}` runs on this machine; otherwise OpenSSH connects to `host`.
 *
 * `hostKey` is the droplet's public host key (`ssh-ed25519 AAAA…`); it pins the connection to exactly that key. Without
 * it the operator's own known_hosts decides, and a key that stands in neither is refused.
 */
export const connectionSchema = z.union([
  z.strictObject({ local: z.literal(true) }),
  z.strictObject({
    host: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9.:_-]*$/, "must be a host name or an IP address"),
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

/** The connection's fields for a droplet that is reached over ssh. */
export type SshConnection = Exclude<Connection, { local: true }>;

/** True where the droplet is this very machine. */
export function isLocal(connection: Connection): connection is { local: true } {
  return "local" in connection;
}

/** The droplet's name in messages: `root@203.0.113.10:22`, or `this machine`. */
export function describeConnection(connection: Connection): string {
  return isLocal(connection) ? "this machine" : `${connection.user}@${connection.host}:${connection.port}`;
}
