import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { runPulumi, type Paths } from "../cli";
import { addToConfig, refreshConfig, localFleets } from "./config";
import { LOCAL, checkout, localPaths } from "../../operator/localPaths";
import { startDroplets } from "../../scripts/droplets";
import { prepareStack } from "./stack";

jest.setTimeout(120_000);

let paths: Paths;
let folder: string;
let committed: string;

beforeAll(() => {
  const pulumi = execFileSync(process.execPath, [resolve(checkout, "scripts/setup/pulumi.mjs")], {
    encoding: "utf8",
  }).trim();
  paths = { pulumi, path: [pulumi] };
});

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hornet-stack-"));
  process.env.HORNET_STATE = folder;
  committed = readFileSync(localPaths().committed, "utf8");
});

afterEach(() => {
  // Pulumi writes into the config file of a stack; ours must never be the one in git.
  expect(readFileSync(localPaths().committed, "utf8")).toBe(committed);
  delete process.env.HORNET_STATE;
  rmSync(folder, { recursive: true, force: true });
});

function config(): unknown {
  return parse(readFileSync(localPaths().config, "utf8"));
}

async function pulumi(...args: string[]): Promise<string> {
  const { code, stdout } = await runPulumi(paths, LOCAL, args, { capture: true });
  expect({ args, code }).toEqual({ args, code: 0 });
  return stdout;
}

const resources = z.object({ deployment: z.object({ resources: z.array(z.unknown()).nullish() }) });

async function resourceCount(): Promise<number> {
  const state: unknown = JSON.parse(await pulumi("stack", "export", "--stack", LOCAL));
  return resources.parse(state).deployment.resources?.length ?? 0;
}

/** A state with one resource on a droplet. */
async function importResourceOn(hostKey: string, privateKeyPath: string): Promise<void> {
  const file = join(folder, "state.json");
  const resource = {
    urn: "urn:pulumi:local::hornet::pulumi-nodejs:dynamic/hornet:Bridge::br0",
    custom: true,
    id: "br0",
    type: "pulumi-nodejs:dynamic/hornet:Bridge",
    inputs: { droplet: { host: "127.0.0.1", hostKey, privateKeyPath } },
    outputs: {},
  };
  const manifest = { time: "2024-01-01T00:00:00Z", magic: "", version: "" };
  writeFileSync(file, JSON.stringify({ version: 3, deployment: { manifest, resources: [resource] } }));
  await pulumi("stack", "import", "--stack", LOCAL, "--file", file);
}

test("prepareStack makes a stack with its own passphrase, and a second call changes nothing", async () => {
  await prepareStack(paths);
  const { passphrase, stackFile, state } = localPaths();
  expect(statSync(passphrase).mode & 0o777).toBe(0o600);
  expect(readFileSync(passphrase, "utf8").length).toBeGreaterThan(30);
  expect(state.startsWith(folder)).toBe(true);
  expect(existsSync(stackFile)).toBe(true);
  expect(localFleets()).toMatchObject([{ name: undefined, simulated: "local" }]);
  expect(config()).toEqual({
    ...(parse(committed) as object),
    encryptionsalt: expect.stringMatching(/^v1:/) as string,
  });
  const before = [passphrase, stackFile, localPaths().config].map((file) => [
    readFileSync(file, "utf8"),
    statSync(file).mtimeMs,
  ]);
  await prepareStack(paths);
  expect(
    [passphrase, stackFile, localPaths().config].map((file) => [readFileSync(file, "utf8"), statSync(file).mtimeMs]),
  ).toEqual(before);
});

test("values and secrets of pulumi config set stay, in the copy only", async () => {
  await prepareStack(paths);
  const file = ["--stack", LOCAL, "--config-file", localPaths().config];
  await pulumi("config", "set", "--path", "hornet:fleet.count", "5", ...file);
  await pulumi("config", "set", "--secret", "--path", "hornet:identity.env.KEY", "hush", ...file);
  await prepareStack(paths);
  expect(config()).toMatchObject({
    config: {
      "hornet:fleet": { count: 5 },
      "hornet:identity": { env: { KEY: { secure: expect.any(String) as string } } },
    },
  });
  expect(readFileSync(localPaths().config, "utf8")).not.toContain("hush");
  expect((await pulumi("config", "get", "--path", "hornet:identity.env.KEY", ...file)).trim()).toBe("hush");
});

test("an unchanged config follows the one in git", () => {
  refreshConfig();
  // As if Pulumi.local.yaml had had another count when the copy was made.
  const { base } = localPaths();
  const former = committed.replace("count: 3", "count: 2");
  expect(former).not.toBe(committed);
  writeFileSync(base, former);
  addToConfig({ config: (parse(former) as { config: object }).config, encryptionsalt: "v1:x" });
  refreshConfig();
  expect(config()).toEqual({ ...(parse(committed) as object), encryptionsalt: "v1:x" });
  expect(readFileSync(base, "utf8")).toBe(committed);
});

test("prepareStack releases the lock of a killed run, but not that of a running one", async () => {
  await prepareStack(paths);
  const { locks } = localPaths();
  const [dead, live] = [999_999_999, process.pid].map((pid) => {
    const file = join(locks, `${pid}.json`);
    return {
      file,
      content: JSON.stringify({ pid, username: "root", hostname: hostname(), timestamp: "2024-01-01T00:00:00Z" }),
    };
  }) as [{ file: string; content: string }, { file: string; content: string }];
  mkdirSync(locks, { recursive: true });
  writeFileSync(dead.file, dead.content);
  await prepareStack(paths);
  expect(existsSync(dead.file)).toBe(false);
  writeFileSync(live.file, live.content);
  await prepareStack(paths);
  expect(existsSync(live.file)).toBe(true);
});

test("the error for a damaged file of the stack names the file and the next step", async () => {
  await prepareStack(paths);
  const { passphrase, stackFile, config: copy, locks } = localPaths();
  for (const [file, words] of [
    [passphrase, /passphrase of the stack local, .*passphrase, is empty[\s\S]*next: restore/],
    [stackFile, /state of the stack local, .*local\.json, is damaged[\s\S]*next: /],
    [copy, /config of the stack local, .*Pulumi\.local\.yaml, is damaged[\s\S]*next: remove it/],
  ] as const) {
    const text = readFileSync(file, "utf8");
    for (const damaged of ["", file === passphrase ? "\n" : "{ a: [\0"]) {
      writeFileSync(file, damaged);
      await expect(prepareStack(paths)).rejects.toThrow(words);
    }
    writeFileSync(file, text);
  }
  // Pulumi itself reports an empty lock.
  mkdirSync(locks, { recursive: true });
  writeFileSync(join(locks, "empty.json"), "");
  await prepareStack(paths);
});

test("a stack whose simulated droplet is gone starts over with its config", async () => {
  await prepareStack(paths);
  const before = config();
  await importResourceOn("ssh-ed25519 GONE", join(folder, "droplets/local/id_ed25519"));
  await startDroplets(paths);
  expect(await resourceCount()).toBe(0);
  expect(config()).toEqual(before);
  // A rented droplet may only be unreachable for a while, so its resources stay in the state.
  await importResourceOn("ssh-ed25519 RENTED", "/root/.ssh/swarm_key");
  await startDroplets(paths);
  expect(await resourceCount()).toBe(1);
});
