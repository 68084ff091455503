import { randomBytes } from "node:crypto";

/** Who a clone is: what the identity service in the guest applies. */
export interface Identity {
  /** A new value makes the guest apply the rest again; hex. */
  readonly generation: string;
  readonly hostname: string;
  /** 32 hex digits (machine-id(5)). */
  readonly machineId: string;
  /** OpenSSH private key, ed25519. */
  readonly hostKey: string;
  readonly authorizedKeys: readonly string[];
  /** The guest's login user. */
  readonly user: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Where the droplet's library puts its clock at the moment it sends: seconds since 1970 with a fraction. */
export const CLOCK_MARK = "@CLOCK@";

/** A fresh generation. */
export function newGeneration(): string {
  return randomBytes(8).toString("hex");
}

/** The lines of an environment file that a POSIX shell can source: `KEY='value'`, quotes inside escaped. */
export function environmentFile(env: Readonly<Record<string, string>>): string {
  return Object.entries(env)
    .map(([key, value]) => `${key}='${value.replaceAll("'", `'\\''`)}'\n`)
    .join("");
}

/**
 * The metadata document for one clone: one text for the identity service, and the paths that cloud-init asks for
 * (EC2 form), so that an image that has only that finds its instance-id, hostname and keys.
 *
 * The text is one string, since every leaf costs a guest another request. Values are base64, so that no byte of them
 * can end a line. The seed makes two clones' random numbers differ also where the kernel has no VMGenID.
 */
export function metadataDocument(identity: Identity): unknown {
  const lines: readonly (readonly [string, string])[] = [
    ["format", "1"],
    ["generation", identity.generation],
    ["seed", randomBytes(64).toString("base64")],
    ["hostname", identity.hostname],
    ["machine-id", identity.machineId],
    ["host-key", identity.hostKey],
    ["authorized-keys", identity.authorizedKeys.map((key) => `${key}\n`).join("")],
    ["user", identity.user],
    ["env", environmentFile(identity.env)],
  ];
  const text = lines.map(([key, value]) => `${key}=${key === "seed" ? value : encode(value)}\n`).join("");
  return {
    hornet: { identity: `${text}clock=${CLOCK_MARK}\n`, generation: identity.generation },
    latest: {
      "meta-data": {
        "instance-id": `i-${identity.machineId}`,
        hostname: identity.hostname,
        "local-hostname": identity.hostname,
        "public-keys": Object.fromEntries(
          identity.authorizedKeys.map((key, at) => [String(at), { "openssh-key": key }]),
        ),
      },
    },
  };
}

/** What replaces the document once it has been applied: nothing that a process in the guest could read later. */
export const clearedDocument: unknown = { hornet: {} };

function encode(text: string): string {
  return Buffer.from(text, "utf8").toString("base64");
}
