import { execFileSync } from "node:child_process";
import { dropbearKey, hostKeyOf, newHostKeySeed } from "./hostkey";
import { agentFile, CLOCK_MARK, environmentFile, identityText, newGeneration, type Identity } from "./identity";
import { metadataDocument } from "./metadata";

const identity: Identity = {
  generation: "00112233aabbccdd",
  hostname: "vm7",
  machineId: "0123456789abcdef0123456789abcdef",
  hostKey: hostKeyOf(newHostKeySeed(), "vm7").privateKey,
  authorizedKeys: ["ssh-ed25519 AAAA one", "ssh-ed25519 BBBB two"],
  user: "root",
  env: { AGENT_ID: "vm7", SECRET: "it's\n$(secret)", ODD: "\\n \\\\ \\c \\0101 %b é @CLOCK@ @SOCKET@" },
};

/** The lines of the identity text, as the guest's service takes them apart. */
function lines(): Map<string, string> {
  const { hornet } = metadataDocument(identity, "service") as { hornet: { identity: string } };
  const text = hornet.identity;
  expect(text.endsWith("\n")).toBe(true);
  // The droplet's placeholders are only where they belong.
  expect(text.match(/@[A-Z]+@/g)).toEqual([CLOCK_MARK]);
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

test("a POSIX shell that sources the environment gets every value and runs nothing", () => {
  const names = Object.keys(hostile);
  const script = `set -eu\n${environmentFile(hostile)}\nfor name in ${names.join(" ")}; do eval "printf '%s\\0' \\"\\$$name\\""; done`;
  for (const [shell, ...args] of [["sh"], ["bash"], ["busybox", "sh"]] as const) {
    const out = execFileSync(shell, [...args, "-s"], {
      input: script,
      encoding: "utf8",
      env: { PATH: process.env.PATH ?? "" },
    });
    expect(out.split("\0").slice(0, -1)).toEqual(Object.values(hostile));
  }
});

test("a shell that sources the file exports it, and systemd reads its assignments and skips one line", () => {
  const text = environmentFile({ ONE: "1", TWO: 'it\'s "2"' });
  expect(text).toBe('ONE="1"\nTWO="it\'s \\"2\\""\nexport ONE TWO\n');
  expect(execFileSync("sh", ["-c", `${text}env`], { encoding: "utf8", env: {} })).toContain('TWO=it\'s "2"\n');
});

test("an empty environment is an empty file", () => expect(environmentFile({})).toBe(""));

test("no byte of a value can end it in the service's document", () => {
  const values = lines();
  expect([...values.keys()]).toEqual([
    "format",
    "generation",
    "seed",
    "hostname",
    "machine-id",
    "host-key",
    "dropbear-key",
    "authorized-keys",
    "user",
    "env",
    "clock",
  ]);
  expect(values.get("format")).toBe("2");
  expect(values.get("generation")).toBe(identity.generation);
  expect(values.get("hostname")).toBe("vm7");
  expect(values.get("machine-id")).toBe(identity.machineId);
  expect(values.get("user")).toBe("root");
  expect(Buffer.from(values.get("seed") ?? "", "base64")).toHaveLength(64);
  expect(values.get("clock")).toBe(CLOCK_MARK);
  // Whatever shell a guest has.
  for (const shell of [["sh"], ["bash"], ["busybox", "sh"]]) {
    const decoded = (key: string): Buffer =>
      execFileSync(shell[0] ?? "", [...shell.slice(1), "-c", `printf '%b' "$1"`, "sh", values.get(key) ?? ""]);
    expect(decoded("host-key").toString()).toBe(identity.hostKey);
    expect(decoded("dropbear-key")).toEqual(dropbearKey(identity.hostKey ?? ""));
    expect(decoded("authorized-keys").toString()).toBe("ssh-ed25519 AAAA one\nssh-ed25519 BBBB two\n");
    expect(decoded("env").toString()).toBe(environmentFile(identity.env));
  }
});

test("the seed differs each time, the rest is equal", () => {
  const first = lines();
  const second = lines();
  expect(first.get("seed")).not.toBe(second.get("seed"));
  first.delete("seed");
  second.delete("seed");
  expect(first).toEqual(second);
});

test("optional parts are in the text only where they are configured", () => {
  const agent = { command: "./agent --loud", user: "worker", restart: "on-failure" } as const;
  const text = identityText({ ...identity, hostKey: undefined, agent, service: "swarm-agent" });
  expect(text).not.toContain("host-key=");
  expect(text).toContain("service=swarm-agent\n");
  expect(text).toContain(`agent=${agentFile(agent).replaceAll("\n", "\\n")}\n`);
});

test("generations differ", () => {
  expect(newGeneration()).toMatch(/^[0-9a-f]{16}$/);
  expect(newGeneration()).not.toBe(newGeneration());
});
