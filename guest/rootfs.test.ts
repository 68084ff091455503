/** Root file systems made out of what others have made: a distribution's archive, a container image. */
import { execFile, execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { identityText } from "../firecracker/identity";
import { layersOf } from "../scripts/image/oci";
import { build, startGuest } from "./testing";

const exec = promisify(execFile);
let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "hornet-rootfs-"));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

jest.setTimeout(300_000);

/** Writes a tree of files; a value that starts with -> is a symbolic link. */
function tree(name: string, files: Readonly<Record<string, string>>): string {
  const root = join(scratch, name);
  for (const [path, content] of Object.entries(files)) {
    const file = join(root, path);
    mkdirSync(dirname(file), { recursive: true });
    if (content.startsWith("->")) symlinkSync(content.slice(2), file);
    else writeFileSync(file, content);
  }
  return root;
}

function tar(root: string, file = `${root}.tar.gz`): string {
  execFileSync("tar", ["-C", root, "--owner=0", "--group=0", "-czf", file, "."]);
  return file;
}

/** A tree as Alpine's minirootfs is one: busybox, settings of an OpenRC that is not there, no ssh server. */
function minirootfs(): string {
  const applets = ["sh", "cat", "hostname", "mount", "mkdir", "ip", "ifconfig", "route", "nc", "base64", "tail", "cut"];
  const links = Object.fromEntries(applets.map((applet) => [`bin/${applet}`, "->/bin/busybox"]));
  const more = ["setsid", "timeout", "head", "printf", "mkfifo", "rm", "chmod", "date", "sleep", "chown", "mv", "init"];
  const others = Object.fromEntries(more.map((applet) => [`usr/bin/${applet}`, "->/bin/busybox"]));
  const root = tree("mini", {
    ...links,
    ...others,
    "etc/alpine-release": "3.19.0\n",
    "etc/inittab": "::sysinit:/sbin/openrc sysinit\ntty1::respawn:/sbin/getty 38400 tty1\n",
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n",
    "etc/ssh/ssh_host_rsa_key": "of the template\n",
    "etc/machine-id": "0123456789abcdef0123456789abcdef\n",
    "root/.keep": "",
  });
  cpSync("/bin/busybox", join(root, "bin/busybox"));
  chmodSync(join(root, "bin/busybox"), 0o755);
  return tar(root);
}

/** The output of one debugfs command on an image. */
async function debugfs(image: string, command: string): Promise<string> {
  return (await exec("debugfs", ["-R", command, image])).stdout;
}

test("an archive of a minimal root file system gives the same bytes in any folder, and a guest with the identity service", async () => {
  const archive = minirootfs();
  const [one, two] = [join(scratch, "one.ext4"), join(scratch, "two.ext4")];
  const digest = await build("build-rootfs.sh", ["--layer", archive, "--out", one]);
  // Another file system lists its folders in another order.
  expect(await build("build-rootfs.sh", ["--layer", archive, "--out", two], { TMPDIR: "/dev/shm" })).toBe(digest);
  expect(createHash("sha256").update(readFileSync(one)).digest("hex")).toBe(digest);
  expect(await debugfs(one, "ls -l /etc/ssh")).not.toMatch(/host_rsa/);
  expect(await debugfs(one, "cat /etc/machine-id")).toBe("");

  const kernel = join(await build("build-kernel.sh"), "vmlinux");
  const guest = await startGuest({ kernel, rootfs: one });
  try {
    await guest.waitConsole(/hornet-identity: waiting/);
    const generation = randomBytes(8).toString("hex");
    const hostKey = join(scratch, "host");
    await exec("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", hostKey]);
    const identity = {
      generation,
      hostname: "vm7",
      machineId: randomBytes(16).toString("hex"),
      hostKey: readFileSync(hostKey, "utf8"),
      authorizedKeys: [],
      user: "root",
      env: {},
    };
    await guest.put(`${identityText(identity)}clock=${(Date.now() / 1000).toFixed(3)}\n`);
    const text = await guest.waitConsole(new RegExp(`hornet-identity: ready ${generation}`));
    expect(text).not.toMatch(/hornet-identity: failed/);
    const { output } = await guest.inside(["ssh-keyscan", "-t", "ed25519", "192.168.241.2"]);
    expect(output).toContain(readFileSync(`${hostKey}.pub`, "utf8").trim());
  } finally {
    await guest.stop();
  }
});

/** Puts a container image into a folder, in OCI's layout. */
function ociImage(name: string, layers: readonly string[], platforms: readonly string[] = ["amd64"]): string {
  const folder = join(scratch, name);
  mkdirSync(join(folder, "blobs/sha256"), { recursive: true });
  const blob = (content: Buffer): { digest: string; size: number } => {
    const hex = createHash("sha256").update(content).digest("hex");
    writeFileSync(join(folder, "blobs/sha256", hex), content);
    return { digest: `sha256:${hex}`, size: content.length };
  };
  const manifest = { schemaVersion: 2, layers: layers.map((layer) => blob(readFileSync(layer))) };
  const image = blob(Buffer.from(JSON.stringify(manifest)));
  const manifests = platforms.map((architecture) => ({ ...image, platform: { os: "linux", architecture } }));
  writeFileSync(join(folder, "index.json"), JSON.stringify({ schemaVersion: 2, manifests }));
  return folder;
}

test("a container image gives its layers in order, with their deletions, for this machine, with checked digests", async () => {
  const first = tar(
    tree("first", { "bin/sh": "->busybox", "gone/file": "", "kept/old": "", "kept/both": "first", "opaque/old": "" }),
  );
  const second = tar(
    tree("second", {
      ".wh.gone": "",
      "kept/.wh.old": "",
      "kept/both": "second",
      "opaque/.wh..wh..opq": "",
      "opaque/new": "",
    }),
  );
  const folder = ociImage("image", [first, second], ["arm64", "amd64"]);
  const layers = layersOf(folder);
  expect(layers.map((layer) => dirname(layer))).toEqual([join(folder, "blobs/sha256"), join(folder, "blobs/sha256")]);
  const image = join(scratch, "container.ext4");
  const arguments_ = layers.flatMap((layer) => ["--layer", layer]);
  await build("build-rootfs.sh", [...arguments_, "--no-service", "--out", image]);
  const names = (text: string): string[] =>
    [...text.matchAll(/^ *\d+ .* (\S+)$/gm)].map(([, name = ""]) => name).sort();
  expect(names(await debugfs(image, "ls -l /"))).not.toContain("gone");
  expect(names(await debugfs(image, "ls -l /kept"))).toEqual([".", "..", "both"]);
  expect(await debugfs(image, "cat /kept/both")).toBe("second");
  expect(names(await debugfs(image, "ls -l /opaque"))).toEqual([".", "..", "new"]);

  const saved = join(scratch, "saved");
  mkdirSync(saved);
  writeFileSync(join(saved, "manifest.json"), JSON.stringify([{ Layers: ["a/layer.tar", "b/layer.tar"] }]));
  expect(layersOf(saved)).toEqual([join(saved, "a/layer.tar"), join(saved, "b/layer.tar")]);
  writeFileSync(join(saved, "manifest.json"), JSON.stringify([{ Layers: ["../../etc/passwd"] }]));
  expect(() => layersOf(saved)).toThrow(/leads out of/);

  writeFileSync(layers[0] ?? "", "damaged");
  expect(() => layersOf(folder)).toThrow(/is damaged: its sha256 is/);
  expect(() => layersOf(ociImage("foreign", [second], ["riscv64"]))).toThrow(/has 0 images for linux\/amd64/);
  expect(() => layersOf(scratch)).toThrow(/is no container image/);
});

test("npm run image adds an agent with its command, and refuses wrong options with the right ones", async () => {
  const checkout = resolve(__dirname, "..");
  const run = (...args: string[]): Promise<{ stdout: string }> =>
    exec(process.execPath, [join(checkout, "scripts/hornet.mjs"), "image", ...args], { cwd: scratch });
  const agent = tree("agent", { agent: "#!/bin/sh\n", "lib/part": "" });
  chmodSync(join(agent, "agent"), 0o755);
  const { stdout } = await run("--agent", agent, "--command", "exec ./agent 'x'", "--out", "with-agent.ext4");
  const image = join(scratch, "with-agent.ext4");
  expect(stdout).toContain(createHash("sha256").update(readFileSync(image)).digest("hex"));
  expect(await debugfs(image, "stat /opt/hornet-agent/agent")).toMatch(/Mode: +0755[^]*User: +0 +Group: +0 /);
  expect(await debugfs(image, "cat /etc/hornet/agent.conf")).toContain(`AGENT_COMMAND="exec ./agent 'x'"\n`);
  await expect(run("--agent", agent, "--out", "x")).rejects.toThrow(/--agent needs --command/);
  await expect(run("--from", "a", "--oci", "b", "--out", "x")).rejects.toThrow(/one of them/);
  await expect(run("--init", "openrc", "--out", "x")).rejects.toThrow(/--init: not for Hornet's own guest/);
});
