import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { commandLines } from "../../test/support/scratchDroplet";
import type { Driver } from "../../test/support/scratchProvider";
import { arrivals, declared, images, other, snapshots, Stage } from "../../test/support/scratchStage";
import { signManifest } from "./signature";
import { sessions } from "../../test/support/scratchProvider";

jest.setTimeout(180_000);

const MIB = 1 << 20;

let made: Driver;
const stage = Stage.use({
  withVmm: true,
  undo: async () => {
    await made.delete();
    await stage.run(`rm -f ${images}/filled`);
  },
});

/** A boot whose disk holds so many MiB that nothing compresses, and as many zeros as real blocks. */
async function boot(mib: number): Promise<{ folder: string; digest: string }> {
  await stage.run(`{ head -c ${mib}M /dev/urandom; head -c ${mib}M /dev/zero; } >${images}/filled`);
  made = await stage.artifact({
    source: { boot: { kernel: `${images}/kernel`, rootfs: `${images}/filled`, memory: 16, timeout: 20 } },
  });
  const { artifactDigest } = await made.create();
  const digest = String(artifactDigest);
  return { digest, folder: `${snapshots}/${digest.slice("sha256:".length)}` };
}

async function messageOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "it succeeded",
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
}

test("a transfer sends nonzero blocks once; the artifact arrives read-only under its digest, with its stable name", async () => {
  const { digest, folder } = await boot(2);
  const one = await stage.brought(folder);
  const { artifactDigest, transferred, artifact } = await one.create();
  const arrived = `${arrivals}/${digest.slice("sha256:".length)}`;
  expect({ artifactDigest, artifact }).toMatchObject({ artifactDigest: digest, artifact: { digest } });
  expect(await one.read()).toMatchObject(declared);
  expect(Number(transferred)).toBeGreaterThan(2 * MIB);
  expect(Number(transferred)).toBeLessThan(2.2 * MIB);
  await stage.run(
    `for f in manifest.json vm.mem vm.snapshot rootfs.ext4 vmlinux; do cmp ${folder}/$f ${arrived}/$f; done`,
  );
  expect(
    await stage.run(`readlink ${arrivals}/hornet-guest; stat -c %a ${arrived}/vm.mem; ls -A ${arrived} | wc -l`),
  ).toBe(`${digest.slice("sha256:".length)}\n444\n6\n`);
  expect(Number(await stage.run(`stat -c %b ${arrived}/rootfs.ext4`)) * 512).toBeLessThan(2.5 * MIB);

  const second = await stage.brought(folder, {}, other);
  expect((await second.create()).transferred).toBe(0);
  await one.delete();
  await stage.run(`cmp ${folder}/vm.mem ${arrived}/vm.mem`);
  await second.delete();
  expect(await stage.run(`ls -d ${arrivals} 2>&1 || :`)).toContain("No such file");
});

test("output of the login shells on both ends does not get into the files", async () => {
  const { folder, digest } = await boot(1);
  const one = await stage.brought(folder);
  await sessions.close();
  try {
    await stage.run("printf 'echo welcome\\necho welcome >&2\\n' >/root/.bashrc");
    await one.create();
    await stage.run(`cmp ${folder}/rootfs.ext4 ${arrivals}/${digest.slice("sha256:".length)}/rootfs.ext4`);
    await one.delete();
  } finally {
    await stage.run("rm -f /root/.bashrc");
    await sessions.close();
  }
});

test("only the damaged file of a damaged copy is sent again", async () => {
  const { digest, folder } = await boot(4);
  const arrived = `${arrivals}/${digest.slice("sha256:".length)}`;
  const one = await stage.brought(folder, { digest });
  await one.create();
  const inode = (): Promise<string> => stage.run(`stat -c %i ${arrived}/rootfs.ext4`);
  const disk = await inode();
  await stage.run(`chmod 644 ${arrived}/vm.mem; printf x >>${arrived}/vm.mem`);
  await one.update();
  expect(Number(one.outs.transferred)).toBeGreaterThan(0);
  expect(Number(one.outs.transferred)).toBeLessThan(2 * MIB);
  expect(await inode()).toBe(disk);
  await stage.run(`cmp ${folder}/vm.mem ${arrived}/vm.mem`);
  await one.delete();
});

test("a folder without a manifest is examined at its source, and a disk at its baked path is transferred too", async () => {
  const { folder } = await boot(1);
  const bare = "/opt/swarm/bare";
  await stage.run(`mkdir ${bare}; cp ${folder}/vm.snapshot ${folder}/vm.mem ${bare}`);
  // A guest of the stub never says whether it has an identity service. The disk is in an artifact, which only root may read.
  const examined = { vmmTimeout: 1, disks: [`${snapshots}/hornet-guest/rootfs.ext4`] };
  const one = await stage.brought(bare, examined);
  const { artifact, artifactDigest } = await one.create();
  const arrived = `${arrivals}/${String(artifactDigest).slice("sha256:".length)}`;
  expect(artifact).toMatchObject({ folder: arrived, disk: "", diskPath: `${snapshots}/hornet-guest/rootfs.ext4` });
  await stage.run(`cmp ${folder}/rootfs.ext4 ${arrived}/rootfs.ext4; cmp ${folder}/vm.mem ${arrived}/vm.mem`);
  expect(await one.read()).toMatchObject(declared);
  // The same folder on the droplet itself: its clones copy the disk from where it is, which its links lead to. What they
  // lead to is not ours, so another stack that has use for it gets a copy.
  const local = await stage.artifact({ source: { path: bare }, ...examined });
  expect(await local.create()).toMatchObject({ artifactDigest });
  await stage.run(`cmp ${snapshots}/${arrived.slice(arrivals.length + 1)}/rootfs.ext4 ${folder}/rootfs.ext4`);
  await one.delete();
  const mode = "stat -c '%a %h' /opt/swarm/bare/vm.mem";
  const before = await stage.run(mode);
  const beside = await stage.brought(
    folder,
    { dir: snapshots, source: { from: { droplet: stage.droplet.connection, path: bare } }, ...examined },
    other,
  );
  await beside.create();
  expect(await stage.run(mode)).toBe(before);
  await beside.delete();
  await local.delete();
  await stage.run(`rm -r ${bare}`);
});

test.each(["source", "target"])("a transfer continues after a %s that is lost half-way", async (lost) => {
  const mib = 48;
  const { folder, digest } = await boot(mib);
  // Each end has a separate session; its limit tells the two apart in the list of processes.
  const ends = { source: 58, target: 59 };
  const droplet = (timeout: number): object => ({ ...stage.droplet.connection, timeout });
  const source = { from: { droplet: droplet(ends.source), path: folder } };
  const one = await stage.brought(folder, { source, droplet: droplet(ends.target) });
  const work = one.create();
  const position = `cat ${arrivals}/.hornet-draft-*/.transfer/position 2>/dev/null || :`;
  for (;;) {
    const [name, at] = (await stage.run(position)).split(" ");
    if (name === "rootfs.ext4" && Number(at) > (mib / 2) * MIB) break;
    if (name === "vmlinux" || name === "vm.snapshot") throw new Error("it was over before it could be broken");
  }
  const words = ["ssh -T", "ControlMaster=yes", `ConnectTimeout=${ends[lost as keyof typeof ends]} `];
  const master = commandLines().find(({ text }) => words.every((word) => text.includes(word)));
  if (master === undefined) throw new Error("there is no connection to break");
  process.kill(master.pid, "SIGKILL");
  const { transferred, artifactDigest } = await work;
  expect(artifactDigest).toBe(digest);
  expect(Number(transferred)).toBeGreaterThan(mib * MIB);
  expect(Number(transferred)).toBeLessThan(mib * MIB * 1.1 + MIB);
  await one.delete();
});

test("a file that changed at the source is refused by its name, and nothing is left", async () => {
  const { folder } = await boot(1);
  await stage.run(`printf x | dd of=${folder}/vm.mem conv=notrunc bs=1 seek=100 status=none`);
  const before = await stage.observe();
  const one = await stage.brought(folder);
  expect(await messageOf(one.create())).toMatch(/vm\.mem arrived with the digest [0-9a-f]{64}, and the manifest says/);
  await sessions.close();
  await one.delete({ artifactDigest: "", artifact: made.outs.artifact, generations: [], files: {}, timings: {} });
  expect(await stage.changesSince(before)).toEqual([]);
});

test("an unproved snapshot is refused, and one that a fleet there has proved is accepted", async () => {
  const { folder, digest } = await boot(1);
  const source = { from: { droplet: stage.droplet.connection, path: folder, proofs: "/opt/swarm/runtime" } };
  const one = await stage.artifact({ dir: arrivals, source }, other);
  expect(await messageOf(one.create())).toMatch(/is not proved: no fleet on .* has passed its smoke tests with it/);
  const proof = `/opt/swarm/runtime/.proof-x`;
  await stage.run(`mkdir -p ${proof}; echo somebody >${proof}/${digest.slice("sha256:".length)}`);
  expect((await one.create()).artifactDigest).toBe(digest);
  await one.delete();
  await stage.run(`rm -r ${proof}; rmdir --ignore-fail-on-non-empty /opt/swarm/runtime`);
});

test("with signers only a snapshot that one of them signed is accepted", async () => {
  // By its stable name: under its digest a manifest that was changed is told by that.
  await boot(1);
  const folder = `${snapshots}/hornet-guest`;
  const key = join(stage.droplet.folder, "signer");
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", key]);
  const signers = [`ops@example.org ${readFileSync(`${key}.pub`, "utf8").trim()}`];
  const refused = async (words: RegExp, who = signers): Promise<void> => {
    const one = await stage.brought(folder, { signers: who });
    expect(await messageOf(one.create())).toMatch(words);
  };
  await refused(/there is no .*manifest\.json\.sig/);
  const manifest = await stage.run(`cat ${folder}/manifest.json`);
  const signature = await signManifest(manifest, key);
  await stage.run(`cat >${folder}/manifest.json.sig <<'END'\n${signature}END`);
  await refused(/manifest\.json\.sig on .* is damaged, or of nobody in hornet:snapshot\.signers/, [
    "other@example.org ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIL0o4ZyDAQ2xFqyPjP0tgEJcsb9x7x0yQPCLdGL7Jb1E",
  ]);
  const one = await stage.brought(folder, { signers });
  await one.create();
  expect(await one.read()).toMatchObject(declared);
  await one.delete();
  await stage.run(`sed -i 's/"vcpus": 1/"vcpus": 2/' ${folder}/manifest.json`);
  await refused(/manifest\.json on .* is not what ops@example\.org signed/);
  await stage.run(`sed -i 's/"vcpus": 2/"vcpus": 1/' ${folder}/manifest.json; echo >${folder}/manifest.json.sig`);
  await refused(/there is no .*manifest\.json\.sig/);
});
