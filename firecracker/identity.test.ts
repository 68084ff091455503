import { execFileSync } from "node:child_process";
import {
  clearedDocument,
  CLOCK_MARK,
  environmentFile,
  metadataDocument,
  newGeneration,
  type Identity,
} from "./identity";

const identity: Identity = {
  generation: "00112233aabbccdd",
  hostname: "vm7",
  machineId: "0123456789abcdef0123456789abcdef",
  hostKey: "-----BEGIN OPENSSH PRIVATE KEY-----\nx\n-----END OPENSSH PRIVATE KEY-----\n",
  authorizedKeys: ["ssh-ed25519 AAAA one", "ssh-ed25519 BBBB two"],
  user: "root",
  env: { AGENT_ID: "vm7", SECRET: "it's\n$(secret)" },
};

interface Document {
  readonly hornet: { readonly identity: string; readonly generation: string };
  readonly latest: { readonly "meta-data": Record<string, unknown> };
}

const document = (): Document => metadataDocument(identity) as Document;

/** The lines of the identity text, as the guest's service takes them apart. */
function lines(): Map<string, string> {
  const text = document().hornet.identity;
  expect(text.endsWith("\n")).toBe(true);
  return new Map(
    text
      .trimEnd()
      .split("\n")
      .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );
}

const hostile: Record<string, string> = {
  PLAIN: "value",
  EMPTY: "",
  SPACES: "  a  b  ",
  QUOTES: `'single' "double" \\'both\\" ''`,
  COMMAND: "$(touch /nowhere/x) `id` ${HOME} $PATH $1",
  LINES: "one\ntwo\n\nthree",
  ENDS: "\\",
  GLOB: "* ? [a-z] ~ ! # ; & | < >",
  OTHER: "größe 日本 🐝",
  EQUALS: "a=b=c",
};

test("a POSIX shell that sources the environment gets every value back, and runs nothing", () => {
  const names = Object.keys(hostile);
  const script = `set -eu\n${environmentFile(hostile)}\nfor name in ${names.join(" ")}; do eval "printf '%s\\0' \\"\\$$name\\""; done`;
  for (const shell of ["sh", "bash"]) {
    const out = execFileSync(shell, ["-s"], { input: script, encoding: "utf8", env: { PATH: process.env.PATH ?? "" } });
    expect(out.split("\0").slice(0, -1)).toEqual(Object.values(hostile));
  }
});

test("an empty environment is an empty file", () => expect(environmentFile({})).toBe(""));

test("the document for the service: one text, whose values no byte of theirs can end", () => {
  const values = lines();
  expect([...values.keys()]).toEqual([
    "format",
    "generation",
    "seed",
    "hostname",
    "machine-id",
    "host-key",
    "authorized-keys",
    "user",
    "env",
    "clock",
  ]);
  const decoded = (key: string): string => Buffer.from(values.get(key) ?? "", "base64").toString();
  expect(decoded("format")).toBe("1");
  expect(decoded("generation")).toBe(identity.generation);
  expect(decoded("hostname")).toBe("vm7");
  expect(decoded("machine-id")).toBe(identity.machineId);
  expect(decoded("host-key")).toBe(identity.hostKey);
  expect(decoded("authorized-keys")).toBe("ssh-ed25519 AAAA one\nssh-ed25519 BBBB two\n");
  expect(decoded("user")).toBe("root");
  expect(decoded("env")).toBe(environmentFile(identity.env));
  expect(Buffer.from(values.get("seed") ?? "", "base64")).toHaveLength(64);
  expect(values.get("clock")).toBe(CLOCK_MARK);
});

test("the seed is another one each time, the rest is the same", () => {
  const first = lines();
  const second = lines();
  expect(first.get("seed")).not.toBe(second.get("seed"));
  first.delete("seed");
  second.delete("seed");
  expect(first).toEqual(second);
});

test("cloud-init's paths hold no secret", () => {
  const { latest } = document();
  expect(latest["meta-data"]).toEqual({
    "instance-id": "i-0123456789abcdef0123456789abcdef",
    hostname: "vm7",
    "local-hostname": "vm7",
    "public-keys": {
      "0": { "openssh-key": "ssh-ed25519 AAAA one" },
      "1": { "openssh-key": "ssh-ed25519 BBBB two" },
    },
  });
  expect(JSON.stringify(latest)).not.toMatch(/PRIVATE|secret/);
});

test("the cleared document holds nothing", () => expect(clearedDocument).toEqual({ hornet: {} }));

test("generations differ", () => {
  expect(newGeneration()).toMatch(/^[0-9a-f]{16}$/);
  expect(newGeneration()).not.toBe(newGeneration());
});
