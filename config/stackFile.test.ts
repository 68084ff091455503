import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { readStackFile, type StackFile } from "./stackFile";
import { parseConfig } from "./parse";
import { faultsOf } from "./testing";

function read(text: string): StackFile {
  const folder = mkdtempSync(path.join(tmpdir(), "hornet-config-"));
  try {
    const file = path.join(folder, "Pulumi.x.yaml");
    writeFileSync(file, text);
    return readStackFile(file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("readStackFile returns only Hornet's keys, without their namespace", () => {
  const text = "encryptionsalt: v1:x\nconfig:\n  aws:region: a\n  hornet:fleet: {count: 0}\n  hornet:x: 1\n";
  expect(read(text)).toEqual({ raw: { fleet: { count: 0 }, x: 1 }, secretKeys: [] });
});

test.each(["", "config:\n", "encryptionsalt: v1:x\n"])("a file without config: %j", (text) => {
  expect(read(text)).toEqual({ raw: {}, secretKeys: [] });
});

test("encrypted values become placeholders in an environment, and are left out elsewhere", () => {
  const text = `config:
  hornet:droplet: {secure: v1:abc}
  hornet:identity:
    authorizedKeys: [{secure: v1:abc}]
    env: {API_KEY: {secure: v1:abc}, API_URL: http://10.0.0.1}
  hornet:fleet: {count: {secure: v1:abc}, startId: 4}
  hornet:clones: {"5": {identity: {env: {X: {secure: v1:abc}}}}}
`;
  const { raw, secretKeys } = read(text);
  expect(raw).toEqual({
    identity: { authorizedKeys: [], env: { API_KEY: "[secret]", API_URL: "http://10.0.0.1" } },
    fleet: { startId: 4 },
    clones: { "5": { identity: { env: { X: "[secret]" } } } },
  });
  expect(secretKeys).toEqual(["droplet", "identity", "fleet", "clones"]);
  expect(parseConfig({ ...raw, droplet: { local: true } })).toMatchObject({ ok: true });
});

test.each([
  ["- a list\n", /is not the file of a stack/],
  ["config: text\n", /is not the file of a stack/],
  ["config: {a: [\n  c4n4ry", /is not YAML: (?!.*c4n4ry)/],
])("%j is refused with the file's name", (text, words) => {
  expect(() => read(text)).toThrow(words);
  expect(() => read(text)).toThrow(/Pulumi\.x\.yaml/);
});

describe("this repository's stack files", () => {
  const raw = (stack: string): StackFile["raw"] =>
    readStackFile(path.join(__dirname, "..", `Pulumi.${stack}.yaml`)).raw;

  test("local is complete", () => {
    const parsed = parseConfig(raw("local"));
    expect(parsed).toMatchObject({
      ok: true,
      spec: {
        droplet: { kind: "simulated", name: "local" },
        snapshot: { source: { kind: "boot", boot: { kernel: "/opt/swarm/images/vmlinux.bin" } } },
        fleet: { count: 3, readyTimeout: 120 },
      },
    });
  });

  test.each(["dev", "prod"])("%s lacks its droplet and nothing else", (stack) => {
    expect(faultsOf(raw(stack))).toEqual([
      {
        path: "hornet:droplet",
        problem: "is not set: set hornet:droplet to the host that carries the fleet",
        example: "hornet:droplet: {host: 203.0.113.10, user: root, privateKeyPath: ~/.ssh/swarm_key}",
      },
    ]);
    expect(faultsOf({ ...raw(stack), droplet: { host: "203.0.113.10" } })).toEqual([]);
  });
});
