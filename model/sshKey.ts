/** Public keys in OpenSSH's one-line form, checked by decoding: a truncated key fails here and not at the first connection. */

const CURVES: Readonly<Record<string, string>> = {
  "ecdsa-sha2-nistp256": "nistp256",
  "ecdsa-sha2-nistp384": "nistp384",
  "ecdsa-sha2-nistp521": "nistp521",
};
const HOST_KEY_TYPES = ["ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa"];
const USER_KEY_TYPES = [
  ...HOST_KEY_TYPES,
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "sk-ssh-ed25519@openssh.com",
  "sk-ecdsa-sha2-nistp256@openssh.com",
];
const ONE_LINE = /^[^\p{Cc}]*$/u;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** The problem of a host key `TYPE BASE64 [COMMENT]`, or undefined. */
export function hostKeyProblem(text: string): string | undefined {
  const [type = "", blob = ""] = text.trim().split(/\s+/);
  if (ONE_LINE.test(text) && HOST_KEY_TYPES.includes(type) && isKeyBlob(type, blob)) return undefined;
  return `must be a whole public host key "TYPE BASE64" of type ${HOST_KEY_TYPES.join(", ")}, as in /etc/ssh/ssh_host_ed25519_key.pub on the droplet`;
}

/** `TYPE BASE64` of a valid host key, without its comment. */
export function normalHostKey(text: string): string {
  return text.trim().split(/\s+/, 2).join(" ");
}

/** The problem of a line of authorized_keys, `[OPTIONS] TYPE BASE64 [COMMENT]`, or undefined. */
export function authorizedKeyProblem(text: string): string | undefined {
  if (ONE_LINE.test(text.trim()) && hasUserKey(text)) return undefined;
  return "must be one whole line of authorized_keys: a public key as in ~/.ssh/id_ed25519.pub";
}

/** The problem of a line of an allowed-signers list, `PRINCIPAL [OPTIONS] TYPE BASE64`, or undefined. */
export function signerProblem(text: string): string | undefined {
  const [principal = "", ...rest] = text.trim().split(/\s+/);
  const isPrincipal = principal !== "" && !principal.startsWith("#") && !USER_KEY_TYPES.includes(principal);
  if (ONE_LINE.test(text) && isPrincipal && hasUserKey(rest.join(" "))) return undefined;
  return 'must be one line of an allowed-signers list: "PRINCIPAL TYPE BASE64", see ssh-keygen(1)';
}

function hasUserKey(text: string): boolean {
  const words = text.trim().split(/\s+/);
  return words.some((word, index) => USER_KEY_TYPES.includes(word) && isKeyBlob(word, words[index + 1] ?? ""));
}

/** Whether the base64 text is a key of that type, complete and with nothing behind it (RFC 4253, RFC 5656, RFC 8709, PROTOCOL.u2f). */
function isKeyBlob(type: string, base64: string): boolean {
  if (!BASE64.test(base64)) return false;
  const fields = fieldsOf(Buffer.from(base64, "base64"));
  if (fields?.[0]?.toString("latin1") !== type) return false;
  const [, first, second] = fields;
  const plainType = type.replace(/^sk-/, "").replace(/@openssh\.com$/, "");
  const extra = plainType === type ? 0 : 1;
  if (plainType === "ssh-ed25519") return fields.length === 2 + extra && first?.length === 32;
  if (first === undefined || second === undefined || fields.length !== 3 + extra) return false;
  if (plainType === "ssh-rsa") return first.length > 0 && second.length >= 128;
  return first.toString("latin1") === CURVES[plainType] && second[0] === 4;
}

/** The length-prefixed fields of a key, or undefined if the lengths do not match the whole. */
function fieldsOf(blob: Buffer): Buffer[] | undefined {
  const fields: Buffer[] = [];
  let offset = 0;
  while (offset < blob.length) {
    if (offset + 4 > blob.length) return undefined;
    const end = offset + 4 + blob.readUInt32BE(offset);
    if (end > blob.length) return undefined;
    fields.push(blob.subarray(offset + 4, end));
    offset = end;
  }
  return fields;
}
