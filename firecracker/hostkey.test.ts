import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dropbearKey, hostKeyOf, newHostKeySeed } from "./hostkey";

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "hornet-key-"))));
afterEach(() => rmSync(folder, { recursive: true }));

/** The public half as ssh-keygen computes it from the private one. */
function publicHalf(privateKey: string): string {
  const file = join(folder, "key");
  writeFileSync(file, privateKey, { mode: 0o600 });
  return execFileSync("ssh-keygen", ["-y", "-P", "", "-f", file], { encoding: "utf8" }).trim();
}

test.each(["", "a", "vm7", "with space", "größe", "x".repeat(100)])("ssh-keygen reads it; comment %j", (comment) => {
  const { privateKey, publicKey } = hostKeyOf(newHostKeySeed(), comment);
  expect(publicKey).toMatch(/^ssh-ed25519 [A-Za-z0-9+/]{68}$/);
  expect(publicHalf(privateKey)).toBe(comment === "" ? publicKey : `${publicKey} ${comment}`);
});

test("it signs, and its public half verifies", () => {
  const { privateKey, publicKey } = hostKeyOf(newHostKeySeed(), "vm7");
  publicHalf(privateKey);
  writeFileSync(join(folder, "data"), "text");
  const run = (args: string[], input = ""): string =>
    execFileSync("ssh-keygen", args, { encoding: "utf8", input, stdio: "pipe" });
  run(["-q", "-Y", "sign", "-n", "test", "-f", join(folder, "key"), join(folder, "data")]);
  writeFileSync(join(folder, "signers"), `me ${publicKey}\n`);
  const args = [
    "-Y",
    "verify",
    "-n",
    "test",
    "-I",
    "me",
    "-f",
    join(folder, "signers"),
    "-s",
    join(folder, "data.sig"),
  ];
  expect(run(args, "text")).toContain("Good");
  expect(() => run(args, "other text")).toThrow();
});

test("equal seeds give equal keys, other seeds other keys", () => {
  const [seed, other] = [newHostKeySeed(), newHostKeySeed()];
  expect(hostKeyOf(seed, "a").publicKey).toBe(hostKeyOf(seed, "b").publicKey);
  expect(hostKeyOf(other, "a").publicKey).not.toBe(hostKeyOf(seed, "a").publicKey);
});

test("dropbear reads the same key", () => {
  const { privateKey, publicKey } = hostKeyOf(newHostKeySeed(), "vm7");
  const file = join(folder, "dropbear");
  writeFileSync(file, dropbearKey(privateKey), { mode: 0o600 });
  expect(execFileSync("dropbearkey", ["-y", "-f", file], { encoding: "utf8" })).toContain(`\n${publicKey} `);
});

test("a key of another kind is refused for dropbear", () => {
  execFileSync("ssh-keygen", ["-q", "-t", "ecdsa", "-N", "", "-f", join(folder, "ecdsa")]);
  expect(() => dropbearKey(readFileSync(join(folder, "ecdsa"), "utf8"))).toThrow("it is no ssh-ed25519 key");
});
