import { createHash, createPrivateKey, createPublicKey, randomBytes } from "node:crypto";

/** An ssh host key. */
export interface HostKey {
  /** The private key in OpenSSH's own format. Secret. */
  readonly privateKey: string;
  /** `ssh-ed25519 AAAA…` */
  readonly publicKey: string;
}

const TYPE = "ssh-ed25519";
const MAGIC = "openssh-key-v1\0";

/** The bytes before the 32 bytes of an ed25519 key in PKCS#8 (RFC 8410). */
const PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex");

/** 32 random bytes in base64url: what a host key is made of, and all that has to be kept of it. Secret. */
export function newHostKeySeed(): string {
  return randomBytes(32).toString("base64url");
}

/**
 * The ed25519 host key of a seed. Node writes PKCS#8 only, which sshd does not read; the format is OpenSSH's
 * PROTOCOL.key: a magic word, cipher and KDF (none), the public part, and the private part padded to 8 bytes.
 *
 * @param seedText see {@link newHostKeySeed}
 * @param comment stands in the key file, to tell keys apart
 */
export function hostKeyOf(seedText: string, comment: string): HostKey {
  const seed = Buffer.from(seedText, "base64url");
  const secretKey = createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: "der", type: "pkcs8" });
  const point = Buffer.from(String(createPublicKey(secretKey).export({ format: "jwk" }).x), "base64url");
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
    Buffer.from(MAGIC, "latin1"),
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

/** The machine-id(5) that belongs to a seed's host key: 32 hexadecimal digits, which reveal nothing of the seed. */
export function machineIdOf(seedText: string): string {
  return createHash("sha256").update(`machine-id ${seedText}`).digest("hex").slice(0, 32);
}

/**
 * An unencrypted ed25519 key as dropbear keeps it: the type's name and the two halves.
 *
 * @param privateKey in OpenSSH's format
 * @throws Error where it is another kind of key
 */
export function dropbearKey(privateKey: string): Buffer {
  const body = Buffer.from(privateKey.replaceAll(/^-.*$|\s/gm, ""), "base64");
  let at = MAGIC.length;
  const next = (): Buffer => {
    const length = body.readUInt32BE(at);
    at += 4 + length;
    return body.subarray(at - length, at);
  };
  const cipher = next();
  next();
  next();
  // How many keys, the public one, and the length of the private part with two numbers to check it by.
  at += 4;
  next();
  at += 12;
  const type = next();
  next();
  if (!cipher.equals(Buffer.from("none")) || !type.equals(Buffer.from(TYPE))) throw new Error(`it is no ${TYPE} key`);
  return Buffer.concat([field(TYPE), field(next())]);
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
