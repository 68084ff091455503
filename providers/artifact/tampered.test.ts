/** What somebody changed of a snapshot, where it came from or where it went, and what is made of that. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../../host/errors";
import type { Driver } from "../../test/support/scratchProvider";
import { arrivals, declared, images, other, snapshots, Stage } from "../../test/support/scratchStage";
import { signManifest } from "./signature";

jest.setTimeout(180_000);

let made: Driver;
const stage = Stage.use({
  withVmm: true,
  undo: async () => {
    await made.delete();
  },
});

/** An artifact to be taken: its folder where it comes from, and its name. */
async function boot(): Promise<{ folder: string; name: string; digest: string }> {
  const source = { boot: { kernel: `${images}/kernel`, rootfs: `${images}/disk`, memory: 16, timeout: 20 } };
  made = await stage.artifact({ source });
  const digest = String((await made.create()).artifactDigest);
  const name = digest.slice("sha256:".length);
  return { digest, name, folder: `${snapshots}/${name}` };
}

async function saidBy(work: Promise<unknown>): Promise<string> {
  return work.then(() => "it succeeded", messageOf);
}

test.each([
  ["changed", `sed -i 's/"vcpus": 1/"vcpus": 2/' manifest.json`],
  ["emptied", "chmod 644 manifest.json; : >manifest.json"],
  ["deleted", "rm -f manifest.json"],
  ["deleted, and a file changed", "rm -f manifest.json; chmod 644 vm.mem; printf x >>vm.mem"],
])("an artifact whose copy has its manifest %s is transferred again, and keeps its other users", async (_how, edit) => {
  const { folder, name, digest } = await boot();
  const one = await stage.brought(folder, { digest });
  const two = await stage.brought(folder, { digest }, other);
  await one.create();
  await two.create();
  await stage.run(`cd ${arrivals}/${name}; ${edit}`);
  expect((await one.read()).condition).not.toBe("as declared");
  await one.update();
  expect(await one.read()).toMatchObject(declared);
  await stage.run(`for f in manifest.json vm.mem rootfs.ext4; do cmp ${folder}/$f ${arrivals}/${name}/$f; done`);
  // The other one finds new files, and its mark.
  await two.update();
  expect(await two.read()).toMatchObject(declared);
  await one.delete();
  expect(await two.read()).toMatchObject(declared);
  await two.delete();
  expect(await stage.run(`ls -d ${arrivals} 2>&1 || :`)).toContain("No such file");
});

test.each([
  ["pinned", true],
  ["not pinned", false],
])("a manifest that changed at the source is refused by its name: %s", async (_how, pinned) => {
  const { folder, digest } = await boot();
  await stage.run(`sed -i 's/"vcpus": 1/"vcpus": 2/' ${folder}/manifest.json`);
  const one = await stage.brought(folder, pinned ? { digest } : {});
  const before = await stage.observe();
  expect(await saidBy(one.create())).toContain(`${folder}/manifest.json on`);
  expect(await stage.changesSince(before)).toEqual([]);
});

test("an existing copy gets a later or another signature from its source", async () => {
  const { folder, name, digest } = await boot();
  const [key, next] = ["key", "next"].map((file) => join(stage.droplet.folder, file)) as [string, string];
  for (const file of [key, next]) execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", file]);
  const signers = (file: string): string[] => [`ops@example.org ${readFileSync(`${file}.pub`, "utf8").trim()}`];
  const sign = async (file: string): Promise<void> => {
    const signature = await signManifest(await stage.run(`cat ${folder}/manifest.json`), file);
    await stage.run(`cat >${folder}/manifest.json.sig <<'END'\n${signature}END`);
  };
  const one = await stage.brought(folder, { digest });
  await one.create();
  expect(await saidBy(one.update({ signers: signers(key) }))).toMatch(/there is no .*manifest\.json\.sig/);
  await sign(key);
  expect(await one.update({ signers: signers(key) })).toMatchObject({ artifactDigest: digest, transferred: 0 });
  await sign(next);
  expect(await one.update({ signers: signers(next) })).toMatchObject({ artifactDigest: digest, transferred: 0 });
  // One that is changed here is seen, and mended from there.
  expect(await one.read()).toMatchObject(declared);
  const mine = `${arrivals}/${name}/manifest.json.sig`;
  await stage.run(`chmod 600 ${mine}; echo >>${mine}; sed -i 's/AAAA/AAAB/' ${mine}`);
  expect((await one.read()).condition).toBe(`${mine} changed`);
  await one.update();
  expect(await one.read()).toMatchObject(declared);
  await stage.run(`[[ $(<${folder}/manifest.json.sig) == $(<${mine}) ]]`);
  // What is signed and here asks nothing of where it came from.
  await stage.run(`mv ${folder} /opt/swarm/away`);
  expect(await one.update({ keepGenerations: 1 })).toMatchObject({ artifactDigest: digest, transferred: 0 });
  await stage.run(`mv /opt/swarm/away ${folder}; ls ${arrivals}/${name}/manifest.json.sig`);
  await one.delete();
});
