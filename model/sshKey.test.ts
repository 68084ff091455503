import { generateKeyPairSync, randomBytes } from "node:crypto";
import { authorizedKeyProblem, hostKeyProblem, normalHostKey, signerProblem } from "./sshKey";

function field(data: Buffer | string): Buffer {
  const bytes = Buffer.from(data as string, "latin1");
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

function line(type: string, ...fields: (Buffer | string)[]): string {
  return `${type} ${Buffer.concat([type, ...fields].map(field)).toString("base64")}`;
}

/** A real key's coordinates or modulus, as ssh writes them. */
function point(curve: string): Buffer {
  const { x = "", y = "" } = generateKeyPairSync("ec", { namedCurve: curve }).publicKey.export({ format: "jwk" });
  return Buffer.concat([Buffer.from([4]), Buffer.from(x, "base64url"), Buffer.from(y, "base64url")]);
}

const { e = "", n = "" } = generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey.export({ format: "jwk" });
const modulus = Buffer.concat([Buffer.from([0]), Buffer.from(n, "base64url")]);
const ED25519 = line("ssh-ed25519", randomBytes(32));
const RSA = line("ssh-rsa", Buffer.from(e, "base64url"), modulus);
const P256 = line("ecdsa-sha2-nistp256", "nistp256", point("prime256v1"));
const P521 = line("ecdsa-sha2-nistp521", "nistp521", point("secp521r1"));
const SK = line("sk-ssh-ed25519@openssh.com", randomBytes(32), "ssh:");

test.each([ED25519, RSA, P256, `${ED25519} root@host`, ` ${ED25519}  two words `])("host key %s", (key) => {
  expect(hostKeyProblem(key)).toBeUndefined();
  expect(hostKeyProblem(normalHostKey(key))).toBeUndefined();
  expect(normalHostKey(key).split(" ")).toHaveLength(2);
});

test.each([
  ["", "empty"],
  ["ssh-ed25519", "no key"],
  [ED25519.slice(0, -4), "cut short"],
  [`${ED25519}AAAA`, "too long"],
  [ED25519.replace("ssh-ed25519", "ssh-rsa"), "another type than it says"],
  [line("ssh-ed25519", randomBytes(31)), "one byte too few"],
  [line("ssh-ed25519", randomBytes(32), "x"), "a field too many"],
  [line("ecdsa-sha2-nistp256", "nistp384", randomBytes(65)), "another curve"],
  [line("ssh-rsa", "x", randomBytes(32)), "a modulus of 256 bits"],
  [P521, "a curve that is not for hosts"],
  [SK, "a security key's"],
  [`203.0.113.10 ${ED25519}`, "a line of known_hosts"],
  [`${ED25519}\n${ED25519}`, "two lines"],
  [ED25519.replace("AAAA", "AA*A"), "not base64"],
])("no host key: %s (%s)", (key) => expect(hostKeyProblem(key)).toMatch(/^must be a whole public host key/));

test.each([
  ED25519,
  RSA,
  P256,
  P521,
  SK,
  `${ED25519} me`,
  ` ${ED25519}\r\n`,
  `${ED25519} it's "me" €`,
  `restrict,command="a b" ${ED25519} me`,
])("authorized key %s", (key) => expect(authorizedKeyProblem(key)).toBeUndefined());

test.each(["", "AAAA", "ssh-ed25519 AAAA", `${ED25519}\nroot`, `restrict ${ED25519.slice(0, -4)}`])(
  "no authorized key: %j",
  (key) => expect(authorizedKeyProblem(key)).toMatch(/^must be one whole line/),
);

test.each([`ops@example.org ${ED25519}`, `*@example.org namespaces="hornet" ${P256} me`])("signer %s", (text) =>
  expect(signerProblem(text)).toBeUndefined(),
);

test.each(["", ED25519, "ops@example.org", `# ${ED25519}`, `ops@example.org ${ED25519.slice(0, -4)}`])(
  "no signer: %j",
  (text) => expect(signerProblem(text)).toMatch(/^must be one line of an allowed-signers list/),
);
