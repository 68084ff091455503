/** Root file systems of files that are not plain ones: their content is right, and the same again is the same bytes. */
import { execFile, execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync, chmodSync, linkSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { build } from "./testing";

const exec = promisify(execFile);
let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "hornet-odd-rootfs-"));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

jest.setTimeout(300_000);

/** The output of one debugfs command on an image. */
async function debugfs(image: string, command: string): Promise<string> {
  return (await exec("debugfs", ["-R", command, image])).stdout;
}

const NAMES = [
  "a b",
  " before",
  "behind ",
  "new\nline",
  'quo"te',
  "back\\slash",
  "é日",
  "-dash",
  "*",
  "tab\there",
  "@1",
];

/** A tree of links, devices, modes, names and times of all kinds. */
function oddTree(): string {
  const root = join(scratch, "tree");
  for (const folder of ["bin", "odd", "shared"]) mkdirSync(join(root, folder), { recursive: true });
  const touch = (name: string, mode = 0o644): void => {
    writeFileSync(join(root, name), name);
    chmodSync(join(root, name), mode);
  };
  symlinkSync("busybox", join(root, "bin/sh"));
  for (const name of NAMES) touch(`odd/${name}`);
  touch("first");
  linkSync(join(root, "first"), join(root, "second"));
  symlinkSync("/nowhere/it's", join(root, "dangling"));
  execFileSync("mknod", [join(root, "odd/device"), "c", "1", "5"]);
  execFileSync("mkfifo", [join(root, "odd/pipe")]);
  touch("setuid", 0o6755);
  chmodSync(join(root, "shared"), 0o2775);
  utimesSync(join(root, "first"), 4_102_444_800, 4_102_444_800.5);
  return root;
}

/** A tar archive's entry: its header, and its content in whole blocks. */
function entry(name: string, type: string, content: Buffer): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write(`0000755\0${"0000000\0".repeat(2)}${content.length.toString(8).padStart(11, "0")}\0`, 100);
  header.write(`00000000000\0${" ".repeat(8)}${type}`, 136);
  header.write("ustar\u000000", 257, "latin1");
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return Buffer.concat([header, content, Buffer.alloc((512 - (content.length % 512)) % 512)]);
}

/** A layer with a file that may bind low ports whoever runs it (a capability, version 2: its bit in the permitted set). */
function layerWithCapability(): string {
  const value = Buffer.from(`0100000200040000${"00".repeat(12)}`, "hex");
  const key = " SCHILY.xattr.security.capability=";
  const length = key.length + value.length + 1;
  const record = Buffer.concat([Buffer.from(String(length + 2)), Buffer.from(key), value, Buffer.from("\n")]);
  const file = join(scratch, "capability.tar");
  const pax = entry("pax", "x", record);
  writeFileSync(file, Buffer.concat([pax, entry("serve", "0", Buffer.from("serve")), Buffer.alloc(1024)]));
  return file;
}

test("links, devices, modes, capabilities, names and times stay, and the image has the same bytes in any folder", async () => {
  const archive = join(scratch, "tree.tar");
  execFileSync("tar", ["-C", oddTree(), "-cf", archive, "."]);
  const argv = ["--layer", archive, "--layer", layerWithCapability(), "--no-service"];
  const [one, two] = [join(scratch, "one.ext4"), join(scratch, "two.ext4")];
  const digest = await build("build-rootfs.sh", [...argv, "--out", one]);
  expect(await build("build-rootfs.sh", [...argv, "--out", two], { TMPDIR: "/dev/shm" })).toBe(digest);

  const back = join(scratch, "back");
  mkdirSync(back);
  await debugfs(one, `rdump /odd ${back}`);
  const names = execFileSync("find", [join(back, "odd"), "-mindepth", "1", "-printf", "%y %P\\0"], {
    encoding: "utf8",
  });
  expect(names.split("\0").filter(Boolean).sort()).toEqual(NAMES.map((name) => `f ${name}`).sort());
  const inode = async (path: string): Promise<string> =>
    /Inode: (\d+)/.exec(await debugfs(one, `stat ${path}`))?.[1] ?? "";
  expect(await inode("/second")).toBe(await inode("/first"));
  expect(await debugfs(one, "stat /first")).toMatch(/Links: 2[^]*mtime: 0x386d4380:00000000 /);
  expect(await debugfs(one, "stat /setuid")).toMatch(/Mode: +06755/);
  expect(await debugfs(one, "stat /shared")).toMatch(/Mode: +02775/);
  expect(await debugfs(one, "stat /dangling")).toContain(`Fast link dest: "/nowhere/it's"`);
  expect(await debugfs(one, "stat /odd/device")).toMatch(
    /Type: character special[^]*Device major\/minor number: 01:05/,
  );
  expect(await debugfs(one, "stat /odd/pipe")).toMatch(/Type: FIFO/);
  expect(await debugfs(one, "ea_list /serve")).toMatch(/security\.capability \(20\) = 01 00 00 02 00 04 00 00 /);
});

test("added files keep their modes and links, and change no existing folder", async () => {
  const folder = join(scratch, "over");
  for (const path of ["", "etc", "opt", "opt/deep"]) mkdirSync(join(folder, path), { mode: 0o700 });
  writeFileSync(join(folder, "opt/deep/first"), "x", { mode: 0o600 });
  linkSync(join(folder, "opt/deep/first"), join(folder, "opt/deep/second"));
  writeFileSync(join(folder, "opt/deep/setuid"), "x");
  chmodSync(join(folder, "opt/deep/setuid"), 0o4775);
  const archive = join(scratch, "tree.tar");
  const built = [
    build("build-rootfs.sh", ["--layer", archive, "--no-service", "--add", folder, "--out", join(scratch, "a.ext4")]),
    build("build-image.sh", ["--add", folder, "--out", join(scratch, "b.ext4")]),
  ];
  await Promise.all(built);
  for (const image of [join(scratch, "a.ext4"), join(scratch, "b.ext4")]) {
    for (const path of ["/", "/etc"]) expect(await debugfs(image, `stat ${path}`)).toMatch(/Mode: +0755/);
    expect(await debugfs(image, "stat /opt/deep")).toMatch(/Mode: +0700[^]*User: +0 +Group: +0 /);
    expect(await debugfs(image, "stat /opt/deep/first")).toMatch(/Mode: +0600[^]*Links: 2/);
    expect(await debugfs(image, "stat /opt/deep/setuid")).toMatch(/Mode: +04775/);
  }
  mkdirSync(join(folder, "lib"));
  await expect(build("build-image.sh", ["--add", folder, "--out", join(scratch, "c.ext4")])).rejects.toThrow(
    /has files in lib, which is a symbolic link to usr\/lib in the guest: put them there/,
  );
});

test("a layer is refused whose files would follow an earlier layer's link into this machine", async () => {
  const outside = join(scratch, "outside");
  mkdirSync(outside);
  writeFileSync(join(outside, "kept"), "kept");
  const layers = ["link", "file", "whiteout"].map((name) => {
    const root = join(scratch, name);
    mkdirSync(join(root, "bin"), { recursive: true });
    symlinkSync("busybox", join(root, "bin/sh"));
    if (name === "link") symlinkSync(outside, join(root, "a"));
    else mkdirSync(join(root, "a"));
    if (name === "file") writeFileSync(join(root, "a/new"), "");
    if (name === "whiteout") writeFileSync(join(root, "a/.wh.kept"), "");
    const file = `${root}.tar`;
    execFileSync("tar", [
      "-C",
      root,
      "-cf",
      file,
      "bin",
      ...(name === "link" ? ["a"] : [`a/${name === "file" ? "new" : ".wh.kept"}`]),
    ]);
    return file;
  });
  const [link = "", ...others] = layers;
  for (const other of others) {
    const argv = ["--layer", link, "--layer", other, "--no-service", "--out", join(scratch, "led.ext4")];
    await expect(build("build-rootfs.sh", argv)).rejects.toThrow(/an earlier one leads out of the guest, to .*outside/);
  }
  expect(execFileSync("ls", [outside], { encoding: "utf8" })).toBe("kept\n");
});
