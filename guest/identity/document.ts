/** What a clone is told to be: the content of `/hornet/identity` in its metadata. */
export interface Identity {
  /** A nonce in hexadecimal; a guest applies a document whose generation it has not seen. */
  generation: string;
  hostname: string;
  /** 32 hexadecimal digits. */
  machineId: string;
  /** An unencrypted ed25519 private key in OpenSSH's format. */
  hostKey: string;
  /** Public keys, one an element. They replace those that were given before. */
  authorizedKeys: readonly string[];
  /** The login that the keys are for. */
  user: string;
  /** Becomes /etc/swarm-env and the environment of hooks and agent. Names are POSIX variable names. */
  env: Readonly<Record<string, string>>;
}

/** `KEY='value'` lines that a POSIX shell reads back to exactly these values. */
export function envFile(env: Readonly<Record<string, string>>): string {
  return Object.entries(env)
    .map(([name, value]) => `${name}='${value.replaceAll("'", "'\\''")}'\n`)
    .join("");
}

/**
 * The document that `hornet-identity` in the guest reads (guest/identity/apply.sh): lines of key=base64(value). Only the
 * clock is plain.
 * @param clockMs unix time in milliseconds at the moment the document is put
 * @param seed 64 random bytes for the guest's random generator, never used twice
 */
export function identityDocument(identity: Identity, clockMs: number, seed: Uint8Array): string {
  const values: Record<string, string | Uint8Array> = {
    format: "1",
    generation: identity.generation,
    seed,
    hostname: identity.hostname,
    "machine-id": identity.machineId,
    "host-key": identity.hostKey,
    "authorized-keys": identity.authorizedKeys.map((key) => `${key.trim()}\n`).join(""),
    user: identity.user,
    env: envFile(identity.env),
  };
  const lines = Object.entries(values).map(([key, value]) => `${key}=${Buffer.from(value).toString("base64")}\n`);
  lines.splice(1, 0, `clock=${(clockMs / 1000).toFixed(3)}\n`);
  return lines.join("");
}
