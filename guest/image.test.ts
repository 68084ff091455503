import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, readdir, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { guestHelper } from "../providers/vm/guestHelper";
import { build } from "./testing";

const exec = promisify(execFile);
let scratch: string;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "hornet-image-"));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

async function digest(file: string): Promise<string> {
  return createHash("sha256")
    .update(await readFile(file))
    .digest("hex");
}

/** The output of one debugfs command on an image. */
async function debugfs(image: string, command: string): Promise<string> {
  return (await exec("debugfs", ["-R", command, image])).stdout;
}

test("the same inputs give the same image, byte for byte, from different folders", async () => {
  const first = await build("build-image.sh", [], { HORNET_CACHE: join(scratch, "one") });
  const second = await build("build-image.sh", [], { HORNET_CACHE: join(scratch, "two") });
  expect(first).not.toBe(second);
  expect(await digest(join(first, "rootfs.ext4"))).toBe(await digest(join(second, "rootfs.ext4")));
  expect((await readFile(join(first, "rootfs.sha256"), "utf8")).trim()).toBe(await digest(join(first, "rootfs.ext4")));
}, 120_000);

test("a finished image comes from the cache, and an interrupted build does not block the next", async () => {
  const cache = join(scratch, "one");
  const folder = await build("build-image.sh", [], { HORNET_CACHE: cache });
  const made = await stat(join(folder, "rootfs.ext4"));
  await build("build-image.sh", [], { HORNET_CACHE: cache });
  expect((await stat(join(folder, "rootfs.ext4"))).mtimeMs).toBe(made.mtimeMs);

  const before = await digest(join(folder, "rootfs.ext4"));
  await rm(folder, { recursive: true });
  await mkdir(`${folder}.making.99999999`);
  await writeFile(join(`${folder}.making.99999999`, "rootfs.ext4"), "half");
  await build("build-image.sh", [], { HORNET_CACHE: cache });
  expect(await digest(join(folder, "rootfs.ext4"))).toBe(before);
  expect((await readdir(join(cache, "image"))).filter((name) => name.includes("making"))).toEqual([]);
}, 120_000);

test("--add adds files to the image, owned by root, and changes its cache key", async () => {
  const extra = join(scratch, "extra");
  await mkdir(join(extra, "etc", "hornet"), { recursive: true });
  await writeFile(join(extra, "etc", "hornet", "start"), "#!/bin/sh\n", { mode: 0o755 });
  const cache = { HORNET_CACHE: join(scratch, "one") };
  const plain = await build("build-image.sh", [], cache);
  const copy = join(scratch, "copy.ext4");
  expect(await build("build-image.sh", ["--add", extra, "--out", copy], cache)).toBe(copy);
  expect(await digest(copy)).not.toBe(await digest(join(plain, "rootfs.ext4")));
  const shown = await debugfs(copy, "stat /etc/hornet/start");
  expect(shown).toMatch(/Mode: +0755/);
  expect(shown).toMatch(/User: +0 +Group: +0 /);
}, 120_000);

test("an image holds no host key, no authorized key, no password", async () => {
  const image = join(await build("build-image.sh", [], { HORNET_CACHE: join(scratch, "one") }), "rootfs.ext4");
  expect(await debugfs(image, "ls -l /etc/dropbear")).not.toMatch(/host_key/);
  expect(await debugfs(image, "ls -l /root")).not.toMatch(/\.ssh/);
  expect(await debugfs(image, "cat /etc/passwd")).toMatch(/^root:\*:0:0:/);
}, 120_000);

test("the helper is compiled once from its sources and later found without a compiler; install.sh works without one too", async () => {
  const cache = { HORNET_CACHE: join(scratch, "helpers") };
  const built = join(await build("build-helper.sh", [], cache), "helper");
  const before = (await stat(built)).mtimeMs;
  expect(join(await build("build-helper.sh", [], cache), "helper")).toBe(built);
  expect((await stat(built)).mtimeMs).toBe(before);
  const { HORNET_CACHE } = process.env;
  try {
    process.env.HORNET_CACHE = cache.HORNET_CACHE;
    expect(Buffer.from(guestHelper(), "base64").equals(await readFile(built))).toBe(true);
    process.env.HORNET_CACHE = join(scratch, "none");
    expect(guestHelper()).toBe("");
  } finally {
    if (HORNET_CACHE === undefined) delete process.env.HORNET_CACHE;
    else process.env.HORNET_CACHE = HORNET_CACHE;
  }
  const install = async (folder: string, argv: string[], env: NodeJS.ProcessEnv): Promise<string> => {
    const script = join(__dirname, "identity", "install.sh");
    await exec(script, ["--root", join(scratch, folder), "--init", "busybox", ...argv], { env });
    return join(scratch, folder, "usr/lib/hornet/helper");
  };
  for (const argv of [["--helper", built], []]) {
    const installed = await install(`with${argv.length}`, argv, process.env);
    expect((await readFile(installed)).equals(await readFile(built))).toBe(true);
  }
  // A machine without gcc.
  const tools = join(scratch, "tools");
  await mkdir(tools);
  for (const name of ["sh", "dirname", "mkdir", "cp", "chmod", "cat", "rm", "touch", "grep", "uname"])
    await symlink((await exec("which", [name])).stdout.trim(), join(tools, name));
  await expect(stat(await install("without", [], { PATH: tools }))).rejects.toThrow(/ENOENT/);
}, 120_000);

test("the error for a wrong option lists the options", async () => {
  await expect(build("build-image.sh", ["--sise", "64"])).rejects.toThrow(/unknown option --sise; there are --add/);
  await expect(build("build-image.sh", ["--size", "big"])).rejects.toThrow(/--size is in MiB/);
});
