import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const exec = promisify(execFile);
const system = { platform: "linux", id: "debian", version: "12", root: true, node: "20.1.0" };
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "hornet-setup-"));
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** Evaluates an expression with a module of the set-up as `m`, in a separate Node, because they are ES modules. */
async function evaluate(module: string, expression: string): Promise<unknown> {
  const url = JSON.stringify(`file://${join(__dirname, module)}`);
  const code = `import * as m from ${url}; const call = async (f) => { try { return { value: await f() }; } catch (e) { return { error: e.message }; } };
console.log(JSON.stringify(await (${expression})));`;
  return JSON.parse((await exec(process.execPath, ["--input-type=module", "-e", code], { maxBuffer: 1e7 })).stdout);
}

const installable = (changes: object, missing: string[]): Promise<unknown> =>
  evaluate(
    "system.mjs",
    `call(() => m.checkInstallable(${JSON.stringify({ ...system, ...changes })}, ${JSON.stringify(missing)}))`,
  );

test("where packages cannot be installed, the error lists them and the command to run", async () => {
  expect(await installable({}, ["bc"])).toEqual({});
  expect(await installable({ id: "ubuntu", version: "24.04" }, ["bc"])).toEqual({});
  const refused = [
    [{ root: false }, ["  bc", "  flex", "sudo apt-get install --no-install-recommends bc flex"]],
    [{ id: "fedora", version: "41" }, ["this is fedora 41", "  bc", "--for operator"]],
    [{ id: "debian", version: "11" }, ["this is debian 11", "  bc"]],
    [{ platform: "darwin", id: "" }, ["this is darwin", "  bc", "--for operator"]],
  ] as const;
  for (const [changes, parts] of refused) {
    const { error } = (await installable(changes, ["bc", "flex"])) as { error: string };
    for (const part of parts) expect(error).toContain(part);
  }
  expect(await installable({ root: false }, [])).toMatchObject({
    error: expect.stringContaining("only root can make") as string,
  });
});

test("an old Node is refused", async () => {
  expect(await evaluate("system.mjs", `call(() => m.checkNode({ node: "18.19.0" }))`)).toMatchObject({
    error: expect.stringContaining("Node 20 or newer") as string,
  });
});

test("the list of packages is well formed and has a reason for each, and tests need more of them", async () => {
  const lines = (await readFile(join(__dirname, "debian-packages.txt"), "utf8")).split("\n");
  const entries = lines.filter((line) => line !== "" && !line.startsWith("#"));
  for (const line of entries) expect(line).toMatch(/^[a-z0-9.+-]+( +(\[test\] )?# .+)?$/);
  const [all, some] = (await evaluate(
    "packages.mjs",
    "[m.listedPackages(true), m.listedPackages(false)]",
  )) as string[][];
  expect(all).toHaveLength(entries.length);
  expect(new Set(all).size).toBe(entries.length);
  expect(all?.filter((name) => !some?.includes(name))).toEqual(["sudo", "iptables", "shellcheck", "mmdebstrap"]);
});

test("missing packages are distinguished from installed ones", async () => {
  expect(await evaluate("packages.mjs", `m.missingPackages(["dpkg", "no-such-package", "coreutils"])`)).toEqual([
    "no-such-package",
  ]);
});

test("node_modules match package-lock.json by npm's record; optional packages may be missing", async () => {
  const match = (): Promise<unknown> => evaluate("node-modules.mjs", `m.nodeModulesMatch(${JSON.stringify(folder)})`);
  const write = (file: string, packages: object): Promise<void> =>
    writeFile(join(folder, file), JSON.stringify({ packages }));
  const a = { version: "1.0.0", integrity: "sha512-a" };
  const wanted = { "": {}, "node_modules/a": a, "node_modules/b": { ...a, optional: true } };
  await mkdir(join(folder, "node_modules"));
  await write("package-lock.json", wanted);
  expect(await match()).toBe(false);
  const record = "node_modules/.package-lock.json";
  for (const [packages, expected] of [
    [{ "node_modules/a": a }, true],
    [{ "node_modules/a": a, "node_modules/b": { ...a, optional: true } }, true],
    [{ "node_modules/a": { ...a, version: "1.0.1" } }, false],
    [{ "node_modules/a": { ...a, integrity: "sha512-b" } }, false],
    [{ "node_modules/a": a, "node_modules/c": a }, false],
    [{}, false],
  ] as const) {
    await write(record, packages);
    expect([packages, await match()]).toEqual([packages, expected]);
  }
});

test("set-ups run one at a time, and take over a lock whose owner has ended", async () => {
  const lock = join(folder, "lock");
  await writeFile(lock, "999999999");
  const log = join(folder, "log");
  const body = `m.withLock(${JSON.stringify(lock)}, async () => {
    const { appendFileSync } = await import("node:fs");
    appendFileSync(${JSON.stringify(log)}, "in\\n");
    await new Promise((done) => setTimeout(done, 50));
    appendFileSync(${JSON.stringify(log)}, "out\\n");
    return "done";
  })`;
  expect(await Promise.all([1, 2, 3].map(() => evaluate("lock.mjs", body)))).toEqual(["done", "done", "done"]);
  expect((await readFile(log, "utf8")).trim().split("\n")).toEqual(["in", "out", "in", "out", "in", "out"]);
  await expect(readFile(lock)).rejects.toThrow("ENOENT");
});

test("a build gets a heading, a silent one counts as cached, and a failure shows its output", async () => {
  const scripts = join(folder, "scripts/setup");
  await cp(__dirname, scripts, { recursive: true });
  await mkdir(join(folder, "node_modules"));
  await writeFile(join(folder, "package-lock.json"), `{"packages":{}}`);
  await writeFile(join(folder, "node_modules/.package-lock.json"), `{"packages":{}}`);
  for (const one of ["pulumi-cli", "pulumi-language-nodejs"]) {
    await mkdir(join(folder, "tools", one), { recursive: true });
    for (const file of ["go.mod", "go.sum", "tools.go"]) await writeFile(join(folder, "tools", one, file), "");
  }
  const tool = (body: string): Promise<void> =>
    writeFile(join(folder, "tools/build-pulumi.sh"), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  const setUp = (): Promise<{ stdout: string; stderr: string }> =>
    exec(process.execPath, [join(scripts, "setup.mjs"), "--for", "operator", "--json"], {
      env: { ...process.env, HORNET_CACHE: join(folder, "cache") },
    });

  await tool('echo compiling >&2; mkdir -p "$1"');
  const first = await setUp();
  const pulumi = expect.stringMatching(/\/cache\/pulumi\/[0-9a-f]{16}\/bin$/) as string;
  expect(JSON.parse(first.stdout)).toEqual({
    pulumi,
    path: [pulumi, join(folder, "node_modules/@pulumi/pulumi")],
  });
  expect(first.stderr).toMatch(/== Pulumi CLI\ncompiling\n(.*\n)?== Pulumi CLI: done in/);
  await tool("true");
  expect((await setUp()).stderr).toContain("== Pulumi CLI: cached");
  await tool("echo 'no compiler here' >&2; exit 3");
  await expect(setUp()).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/ended with 3; its last output:\nno compiler/) as string,
  });
});
