import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hasPassphrase, remoteScript, remoteStdin } from "./steps";

/** What a step's command prints, run by a login shell as sshd runs it. */
function printed(script: string, env: Record<string, string>, stdin: string | undefined, shell = "/bin/sh"): string {
  const command = remoteScript(script, { CLONE: "vm0" }, env);
  return execFileSync(shell, ["-c", command], { input: remoteStdin({ env, stdin }), encoding: "utf8" });
}

test.each<[string, string]>([
  ["quotes", `it's "quoted" \`here\` $HOME`],
  ["newlines", "\n two \n\n lines \n"],
  ["a backslash", "a\\nb\\"],
  ["a bang and other characters", "! * ~ äöü 🐝 ; & |"],
  ["nothing", ""],
])("an environment with %s arrives unchanged, followed by the input", (_, value) => {
  const script = `printf '%s|' "$A" "$B" "$CLONE"; cat`;
  const wanted = `${value}|b|vm0|first\nsecond`;
  for (const shell of ["/bin/sh", "/bin/bash"]) {
    expect(printed(script, { A: value, B: "b" }, "first\nsecond", shell)).toBe(wanted);
  }
});

test("without an environment the step gets its input alone, and its exit code counts", () => {
  expect(printed("cat", {}, "as it is")).toBe("as it is");
  expect(printed("cat", {}, undefined)).toBe("");
  expect(() => printed("exit 3", { A: "b" }, undefined)).toThrow(/Command failed/);
});

test("no value is in an argument of the shell", () => {
  const args = printed(`tr '\\0' ' ' </proc/$$/cmdline`, { TOKEN: "canary" }, undefined);
  expect(args).toContain("hornet_env");
  expect(args).not.toContain("canary");
});

test.each([
  ["ed25519", "OPENSSH"],
  ["rsa", "PEM"],
])("Hornet recognises whether a key of type %s in the form %s has a passphrase", (type, form) => {
  const folder = mkdtempSync(join(tmpdir(), "hornet-key-"));
  try {
    const has = ["", "a passphrase"].map((passphrase) => {
      const file = join(folder, passphrase === "" ? "plain" : "locked");
      const format = form === "PEM" ? ["-m", "PEM"] : [];
      execFileSync("ssh-keygen", ["-q", "-t", type, ...format, "-N", passphrase, "-f", file]);
      return hasPassphrase(readFileSync(file, "utf8"));
    });
    expect(has).toEqual([false, true]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
