import { generateKeyPairSync, randomBytes } from "node:crypto";

/** An ssh host key. */
export interface HostKey {
  /** The private key in OpenSSH's own format. Secret. */
  readonly privateKey: string;
  /** `ssh-ed25519 AAAA…` */
  readonly publicKey: string;
}

const TYPE = "ssh-ed25519";

/**
 * Makes an ed25519 host key. Node writes PKCS#8 only, which sshd does not read; the format is OpenSSH's
 * PROTOCOL.key: a magic word, cipher and KDF (none), the public part, and the private part padded to 8 bytes.
 *
 * @param comment stands in the key file, to tell keys apart
 */
export function makeHostKey(comment: string): HostKey {
  const { privateKey } = generateKeyPairSync("ed25519");
  const jwk = privateKey.export({ format: "jwk" });
  const seed = Buffer.from(String(jwk.d), "base64url");
  const point = Buffer.from(String(jwk.x), "base64url");
  const publicBlob = Buffer.concat([field(TYPE), field(point)]);
  const check = randomBytes(4);
  const secret = Buffer.concat([
    check,
    check,
    field(TYPE),
    field(point),
    field(Buffer.concat([seed, point])),
    field(comment),
  ]);
  const padding = Buffer.from(Array.from({ length: (8 - (secret.length % 8)) % 8 }, (_unused, at) => at + 1));
  const body = Buffer.concat([
    Buffer.from("openssh-key-v1\0", "latin1"),
    field("none"),
    field("none"),
    field(""),
    uint32(1),
    field(publicBlob),
    field(Buffer.concat([secret, padding])),
  ]);
  const lines = body.toString("base64").match(/.{1,70}/g) ?? [];
  const label = "OPENSSH PRIVATE KEY";
  return {
    privateKey: `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`,
    publicKey: `${TYPE} ${publicBlob.toString("base64")}`,
  };
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function field(content: string | Buffer): Buffer {
  const bytes = Buffer.isBuffer(content) ? content : Buffer.from(content, "utf8");
  return Buffer.concat([uint32(bytes.length), bytes]);
}
