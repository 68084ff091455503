/** An upgrade of Firecracker, by stand-ins of 1.16.1 (format 10), 1.16.2 (11) and 1.17.0 (12) beside each other. */
import type { Driver } from "../../test/support/scratchProvider";
import { declared, snapshots, Stage } from "../../test/support/scratchStage";

jest.setTimeout(180_000);

const programs = "/opt/programs";
const dir = "/opt/swarm/runtime/vm7";
const old = `${programs}/firecracker-v1.16.1-x86_64`;
const next = `${programs}/release-v1.17.0-x86_64/firecracker-v1.17.0-x86_64`;

const stage = Stage.use({
  withVmm: true,
  undo: async () => {
    await stage.run(`rm -rf ${programs} /opt/stubs /opt/bare`);
  },
});

/** Puts a version on the droplet, as a program that says on its console what a guest says that waits for its identity. */
async function install(path: string, version: string): Promise<void> {
  const stub = `/opt/stubs/${version}`;
  await stage.run(`mkdir -p ${stub} $(dirname ${path}); cp /opt/stub ${stub}/stub
    printf '\\nstand-in-version=${version} \\n' >>${stub}/stub
    printf '%s\\n' '#!/bin/sh' 'case "$*" in *--api-sock*) echo "hornet-identity: waiting" ;; esac' 'exec ${stub}/stub "$@"' >${path}.draft
    chmod 755 ${path}.draft; mv ${path}.draft ${path}`);
}

/** A line of the clone's launch record. */
function recorded(key: string): Promise<string> {
  return stage.run(`sed -n 's/^${key}=//p' ${dir}/record`).then((said) => said.trim());
}

async function deleteAll(...drivers: Driver[]): Promise<void> {
  for (const driver of drivers) await driver.delete();
  expect(await stage.changesSince(stage.before)).toEqual([]);
}

/** The artifact, and a clone that runs it and has written on its disk. */
async function running(firecracker: string | string[]) {
  const template = await stage.artifact({ firecracker });
  await template.create();
  const bridge = await stage.bridge();
  await bridge.create();
  const namespace = await stage.namespace();
  await namespace.create();
  const vm = await stage.vm(template.outs.artifact, { firecracker });
  await vm.create();
  await stage.run(`echo mine >>${dir}/rootfs.ext4`);
  return { template, vm, all: [vm, namespace, bridge, template] as const };
}

const lastLine = `tail -n 1 ${dir}/rootfs.ext4`;

test("a folder of versions: each snapshot and clone on the program that fits; jailers, debug files and scripts do not count", async () => {
  await install(old, "1.16.1");
  await install(next, "1.17.0");
  await stage.run(`for name in jailer-v1.17.0 firecracker-v1.17.0.debug firecracker-install.sh; do
    printf '#!/bin/sh\\ntouch /opt/programs/asked\\necho Firecracker v9.9.9\\n' >${programs}/$name; chmod 755 ${programs}/$name; done`);
  const { template, vm, all } = await running(old);
  expect(vm.outs.vmm).toBe(`Firecracker 1.16.1 at ${old} (snapshot format 10.0.0)`);
  // The same snapshot, with both at hand: a clone that is made now runs on the old one.
  await vm.delete();
  const again = await stage.vm(template.outs.artifact, { firecracker: programs });
  await again.create();
  expect(again.outs.vmm).toBe(`Firecracker 1.16.1 at ${old} (snapshot format 10.0.0)`);
  expect(await recorded("vmm")).toBe(`1.16.1 10.0.0 ${old}`);
  await again.delete();
  const nowhere = await stage.vm(template.outs.artifact, { firecracker: next });
  await expect(nowhere.create()).rejects.toThrow(
    /Firecracker 1\.17\.0 reads snapshot format 12\.0\.0, but the snapshot has 10\.0\.0, which needs Firecracker 1\.16\.0 or 1\.16\.1; make the snapshot anew/,
  );
  expect(await stage.run(`ls ${programs}`)).not.toContain("asked");
  await deleteAll(...all);
});

test("a new format makes a new snapshot, and the clone takes its disk along; going back does so too", async () => {
  await install(old, "1.16.1");
  await install(next, "1.17.0");
  const { template, vm, all } = await running(old);
  const first = template.outs.artifact as { digest: string };
  await template.update({ firecracker: [old, next] });
  const second = template.outs.artifact as { digest: string };
  expect(second.digest).not.toBe(first.digest);
  await vm.update({ firecracker: [old, next], artifact: second });
  expect(vm.outs.vmm).toBe(`Firecracker 1.17.0 at ${next} (snapshot format 12.0.0)`);
  expect(await recorded("started_from")).toBe("disk");
  expect(await stage.run(lastLine)).toContain("mine");
  expect(await vm.read()).toMatchObject(declared);
  await template.update({ firecracker: old });
  expect(template.outs.artifact).toEqual(first);
  await vm.update({ firecracker: old, artifact: first });
  expect(vm.outs.vmm).toBe(`Firecracker 1.16.1 at ${old} (snapshot format 10.0.0)`);
  expect(await stage.run(lastLine)).toContain("mine");
  await deleteAll(...all);
});

test("a clone that does not come up on the new version goes back to the old one, with its disk, also where that is gone", async () => {
  await install(old, "1.16.1");
  await install(next, "1.17.0");
  const { template, vm, all } = await running(old);
  const first = template.outs.artifact as { digest: string };
  await template.update({ firecracker: next });
  const artifact = template.outs.artifact;
  // It opens no socket.
  await stage.run(`cp ${next} ${next}.good; sed -i 's/^case.*/case "$*" in *--api-sock*) exit 7 ;; esac/' ${next}`);
  await expect(vm.update({ firecracker: next, artifact })).rejects.toThrow(
    new RegExp(`vm7 did not come up on .*vm7 runs ${first.digest} again, with the disk that it had`, "s"),
  );
  expect(await recorded("vmm")).toBe(`1.16.1 10.0.0 ${old}`);
  expect(await recorded("digest")).toBe(first.digest);
  expect(await stage.run(lastLine)).toContain("mine");
  await stage.run(`mv ${next}.good ${next}; rm ${old}`);
  await vm.update({ firecracker: next, artifact });
  expect(await recorded("vmm")).toBe(`1.17.0 12.0.0 ${next}`);
  expect(await stage.run(lastLine)).toContain("mine");
  await deleteAll(...all);
});

test("a patch release of the same format needs no new snapshot", async () => {
  await install(old, "1.16.1");
  await install(next, "1.16.0");
  const template = await stage.artifact({ firecracker: next });
  const { artifact: before } = await template.create();
  const { artifact: after } = await template.update({ firecracker: [next, old] });
  expect(after).toEqual(before);
  await deleteAll(template);
});

test("a folder without a manifest whose format no program reads is refused by the head of its state file, with what to do", async () => {
  await install(old, "1.16.1");
  await install(next, "1.17.0");
  const maker = await stage.artifact({ firecracker: old });
  await maker.create();
  const folder = `${snapshots}/${String(maker.outs.artifactDigest).slice("sha256:".length)}`;
  await stage.run(`mkdir /opt/bare; cp ${folder}/{vm.snapshot,vm.mem,rootfs.ext4} /opt/bare`);
  const bare = await stage.artifact({ source: { path: "/opt/bare" }, firecracker: next });
  await expect(bare.create()).rejects.toThrow(
    /reads snapshot format 12\.0\.0, but the snapshot has 10\.0\.0, .*or install a Firecracker that reads it beside the other/,
  );
  const both = await stage.artifact({ source: { path: "/opt/bare" }, firecracker: [next, old], vmmTimeout: 3 });
  await both.create();
  expect(await stage.run(`grep -h '"snapshotFormat"' ${snapshots}/*/manifest.json | sort -u`)).toContain('"10.0.0"');
  await deleteAll(both, maker);
});
