import { execFileSync } from "node:child_process";
import { mkdtempSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findPulumi, type Paths } from "./cli";
import { changeConfig, secret, type ConfigChanges } from "./config";
import { placeOf, type Place } from "./place";

jest.setTimeout(60_000);

let folder: string;
let paths: Paths;
let place: Place;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "hornet-config-"));
  mkdirSync(join(folder, "backend"));
  writeFileSync(join(folder, "Pulumi.yaml"), "name: t\nruntime: nodejs\n");
  paths = await findPulumi();
  const env = { PULUMI_BACKEND_URL: `file://${folder}/backend`, PULUMI_CONFIG_PASSPHRASE: "of tests" };
  place = placeOf(paths, { stack: "dev", workDir: folder, env });
  pulumi("stack", "init", "--no-select", "dev");
});
afterAll(() => rmSync(folder, { recursive: true }));

function pulumi(...args: string[]): string {
  return execFileSync(join(paths.pulumi, "pulumi"), args, { cwd: folder, env: place.env, encoding: "utf8" });
}

const file = (): string => join(folder, "Pulumi.dev.yaml");

async function changed(text: string, changes: ConfigChanges): Promise<string> {
  const [salt = ""] = /^encryptionsalt.*$/m.exec(readFileSync(file(), "utf8")) ?? [];
  writeFileSync(file(), `${text}${salt}\n`);
  await changeConfig(paths, place, changes);
  return readFileSync(file(), "utf8").replace(`${salt}\n`, "");
}

test("plain changes keep comments and other keys, whatever a clone's id is written as", async () => {
  const text = 'config:\n  # how many\n  hornet:fleet: { count: 3 }\n  hornet:clones: { 1: { restart: "a" } }\n';
  expect(
    await changed(text, { "fleet.count": 5, "clones.1.restart": "b", "clones.2": undefined, "none.at.all": undefined }),
  ).toBe("config:\n  # how many\n  hornet:fleet: { count: 5 }\n  hornet:clones: { 1: { restart: b } }\n");
  expect(await changed(text, { "clones.1": undefined })).toContain("hornet:clones: {}");
});

test("secrets are encrypted, at any depth, and no draft stays; what cannot be encrypted changes nothing", async () => {
  const hush = "a 'secret' with\n\"everything\": ${HOME} -- # [0]";
  const text = await changed("config:\n  hornet:fleet: { count: 3 }\n", {
    "identity.env": { PLAIN: "1", HUSH: secret(hush) },
    "identity.env.OTHER": secret("--help"),
  });
  expect(text).not.toMatch(/everything|--help/);
  expect(text).toContain("PLAIN");
  const get = (key: string): string => pulumi("config", "get", "--path", key, "--stack", "dev").replace(/\n$/, "");
  expect(get("hornet:identity.env.HUSH")).toBe(hush);
  expect(get("hornet:identity.env.OTHER")).toBe("--help");
  expect(get("hornet:identity.env.PLAIN")).toBe("1");
  expect(readdirSync(folder).sort()).toEqual(["Pulumi.dev.yaml", "Pulumi.yaml", "backend"]);
  const before = { text: readFileSync(file(), "utf8"), mode: statSync(file()).mode };
  const wrong = { ...place, env: { ...place.env, PULUMI_CONFIG_PASSPHRASE: "wrong" } };
  await expect(changeConfig(paths, wrong, { "fleet.count": 9, "identity.env.X": secret("x") })).rejects.toThrow(
    "the value of hornet:identity.env.X in the stack dev cannot be encrypted",
  );
  expect({ text: readFileSync(file(), "utf8"), mode: statSync(file()).mode }).toEqual(before);
});
