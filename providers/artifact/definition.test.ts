import { effectsOf, messageWhenFailing } from "../../test/support/scratchProvider";
import { declared, images, other, owner, snapshots, Stage } from "../../test/support/scratchStage";
import { smallMemory } from "../../test/support/settings";

jest.setTimeout(120_000);

const stage = Stage.use({ withVmm: true });

test("a boot makes an artifact, which is found again by its inputs, and can be deleted twice", async () => {
  const one = await stage.artifact();
  const { artifactDigest, artifact: made } = await one.create();
  const folder = `${snapshots}/${String(artifactDigest).slice("sha256:".length)}`;
  expect(made).toMatchObject({ folder, identity: "service", tap: "tap0", memory: smallMemory() });
  expect(await one.read()).toMatchObject(declared);
  expect(await stage.run(`ls ${folder}; readlink ${snapshots}/hornet-guest; sha256sum <${folder}/manifest.json`)).toBe(
    `manifest.json\nrootfs.ext4\nvm.mem\nvm.snapshot\nvmlinux\n` +
      `${folder.slice(snapshots.length + 1)}\n${String(artifactDigest).slice("sha256:".length)}  -\n`,
  );
  // The template of every clone's disk is what was booted, not what the image became.
  await stage.run(`cmp ${folder}/rootfs.ext4 ${images}/disk; cmp ${folder}/vmlinux ${images}/kernel`);
  const again = await stage.artifact();
  const effects = await effectsOf(stage.droplet.folder, () => again.create());
  expect(again.outs.artifactDigest).toBe(artifactDigest);
  expect(effects.filter((name) => name.startsWith("scratch/"))).toEqual([]);
  await one.delete();
  expect(await stage.changesSince(stage.before)).toEqual([]);
  expect((await one.read()).id).toBe("");
  await one.delete();
});

test.each([
  [
    "has a feature more",
    "a machine that lost a CPU feature makes its boot anew",
    's/"cpuFeatures": \\[/&"amx_future", /',
    false,
  ],
  ["tells no feature", "an earlier manifest is as good as ever", '/"cpuFeatures": \\[/,/\\]/d', true],
])("a boot's manifest that %s: %s", async (_what, _then, edit, found) => {
  const earlier = await stage.artifact();
  await earlier.create();
  // As if it had been made so: what is edited gets the digest of what it says.
  const name = await stage.run(`cd ${snapshots}; mv $(readlink hornet-guest) made; chmod 644 made/manifest.json
    sed -i '${edit}' made/manifest.json; name=$(sha256sum <made/manifest.json); mv made "\${name%% *}"; printf %s "\${name%% *}"`);
  const one = await stage.artifact();
  await one.create();
  expect(one.outs.artifactDigest === `sha256:${name}`).toBe(found);
  await stage.run(`rm -rf ${snapshots}/${found ? "none" : name}`);
  await one.delete();
});

test("changed and missing files are drift", async () => {
  const one = await stage.artifact();
  await one.create();
  const folder = `${snapshots}/${String(one.outs.artifactDigest).slice("sha256:".length)}`;
  await stage.run(`touch -d 2001-01-01 ${folder}/vm.mem; rm ${folder}/rootfs.ext4`);
  const { condition } = await one.read();
  expect(String(condition).split("; ").sort()).toEqual([`${folder}/rootfs.ext4 missing`, `${folder}/vm.mem changed`]);
  await one.delete();
});

test.each([
  ["touched", "touch -d 2001-01-01 vm.mem", true],
  ["changed", "chmod 644 vm.snapshot; printf x >>vm.snapshot", false],
  ["deleted", "rm -f rootfs.ext4", false],
  ["without its manifest", "rm -f manifest.json", false],
])(
  "an artifact that is %s keeps its intact files, and the others are made again from the same source",
  async (_how, drift, kept) => {
    const one = await stage.artifact();
    const before = (await one.create()).artifact as { digest: string; key: string };
    await stage.run(`cd ${snapshots}/${before.digest.slice("sha256:".length)}; ${drift}`);
    expect((await one.read()).condition).not.toBe("as declared");
    const after = (await one.update()).artifact as { digest: string; key: string };
    expect({ same: after.digest === before.digest, key: after.key }).toEqual({ same: kept, key: before.key });
    expect(await one.read()).toMatchObject(declared);
    await one.delete();
    expect(await stage.changesSince(stage.before)).toEqual([]);
  },
);

test("a wrong stable name and a missing label are drift, and update repairs them", async () => {
  const one = await stage.artifact();
  await one.create();
  const folder = `${snapshots}/${String(one.outs.artifactDigest).slice("sha256:".length)}`;
  const mark = `${folder}/.hornet-users/${owner.slice(-12)}`;
  await stage.repairs(one, `rm ${snapshots}/hornet-guest`, `${snapshots}/hornet-guest/manifest.json missing`);
  await stage.repairs(one, `rm -r ${folder}/.hornet-users`, `${mark} missing`);
  await stage.run(`rm -r ${folder}/.hornet-users`);
  await one.delete();
  expect(await stage.changesSince(stage.before)).toEqual([]);
});

test("a folder without a manifest is examined, and disk, tap and sizes come from the snapshot", async () => {
  const maker = await stage.artifact();
  await maker.create();
  const folder = `${snapshots}/${String(maker.outs.artifactDigest).slice("sha256:".length)}`;
  await stage.run(`mkdir /opt/swarm/bare; cp ${folder}/{vm.snapshot,vm.mem,rootfs.ext4} /opt/swarm/bare`);
  await maker.delete();
  const there = await stage.observe();
  // A guest is waited for as long as a VMM; the stand-in runs none.
  const bare = { source: { path: "/opt/swarm/bare" }, vmmTimeout: 3 };
  const one = await stage.artifact(bare);
  const made = await one.create();
  expect(made.artifact).toMatchObject({
    digest: made.artifactDigest,
    folder: `${snapshots}/${String(made.artifactDigest).slice("sha256:".length)}`,
    disk: "",
    diskPath: `${snapshots}/hornet-guest/rootfs.ext4`,
    tap: "tap0",
    iface: "eth0",
    guestMac: "02:fc:00:00:00:02",
    memory: smallMemory(),
    vcpus: 1,
    identity: "ssh",
    kernel: "",
  });
  // It has links to the folder's files beside its manifest, and the folder is as it was.
  expect((await stage.changesSince(there)).filter((line) => line.includes("/opt/swarm/bare "))).toEqual([]);
  await stage.run(`cmp ${snapshots}/*/vm.mem /opt/swarm/bare/vm.mem; ! ls -d ${snapshots}/hornet-guest 2>/dev/null`);
  expect(await one.read()).toMatchObject(declared);
  // Examined once: what the machine is later makes no other snapshot of it, nor does a file's time.
  await stage.run("touch /opt/swarm/bare/vm.mem");
  const again = await stage.artifact(bare, other);
  const found = await effectsOf(stage.droplet.folder, () => again.create());
  expect(found.filter((name) => name.startsWith("scratch/"))).toEqual([]);
  expect(again.outs.artifactDigest).toBe(made.artifactDigest);
  await one.delete();
  expect(await again.read()).toMatchObject(declared);
  await again.delete();
  const since = await stage.observe();
  expect((await stage.changesSince(there)).filter((line) => !line.includes("/opt/swarm/bare/vm.mem"))).toEqual([]);

  const probe = await stage.artifact(bare);
  const effects = await effectsOf(stage.droplet.folder, () => probe.create());
  await probe.delete();
  expect(new Set(effects).size).toBeGreaterThan(3);
  for (const effect of new Set(effects)) {
    const failing = await stage.artifact(bare);
    const message = await messageWhenFailing(effect, () => failing.create());
    expect(message).toContain(`injected failure at ${effect}`);
    // What takes the trial away cannot itself be taken away; the next create or delete does it.
    if (effect === "scratch/end" || effect === "droplet/release") {
      const next = await stage.artifact(bare);
      await next.create();
      await next.delete();
    }
    expect({ effect, left: await stage.changesSince(since) }).toEqual({ effect, left: [] });
  }
  await stage.run("rm -r /opt/swarm/bare");
});

test("the VMM of a boot and those of a trial have a clone's default limits", async () => {
  const program = "/opt/swarm/noting-firecracker";
  // Not below /opt/swarm: a VMM may see another folder there (expose_path).
  const notes = "/tmp/noted";
  try {
    // It notes its limits, and becomes the VMM.
    await stage.run(`
      cat >${program} <<'END'
#!/bin/sh
[ "$1" != --api-sock ] || { grep pids /proc/self/cgroup; grep -E '^Max (file size|open files)' /proc/self/limits; } >>${notes}
exec /usr/bin/firecracker "$@"
END
      chmod 755 ${program}`);
    const noted = async (): Promise<readonly string[]> =>
      (await stage.run(`tr -s ' ' <${notes} | sed 's/ $//'; rm ${notes}`)).trimEnd().split("\n");
    const size = (smallMemory() + 64) * 1024 ** 2;
    const each: readonly unknown[] = [
      expect.stringMatching(/\/hornet-boot-[0-9a-f]+$/),
      `Max file size ${size} ${size} bytes`,
      "Max open files 2048 2048 files",
    ];
    const boot = await stage.artifact({ firecracker: program, jailer: "off" });
    await boot.create();
    expect(await noted()).toEqual(each);
    await stage.run(`cp -r ${snapshots}/hornet-guest/ /opt/swarm/bare; rm /opt/swarm/bare/manifest.json`);
    await boot.delete();
    // The first load shows the path of the disk, the second the devices, the third resumes the guest.
    const source = { path: "/opt/swarm/bare" };
    const trial = await stage.artifact({ firecracker: program, jailer: "off", source, vmmTimeout: 3 });
    await trial.create();
    expect(await noted()).toEqual([...each, ...each, ...each]);
    await trial.delete();
  } finally {
    await stage.run(`rm -rf ${program} ${notes} /opt/swarm/bare`);
  }
  expect(await stage.changesSince(stage.before)).toEqual([]);
});

test.each([
  [
    "a folder that is not there",
    { source: { path: "/opt/swarm/nowhere" } },
    "there is no vm.snapshot in /opt/swarm/nowhere",
  ],
  [
    "a kernel that is not there",
    { source: { boot: { kernel: "/opt/swarm/nowhere", rootfs: `${images}/disk` } } },
    "/opt/swarm/nowhere: No such file",
  ],
  ["a VMM that is not there", { firecracker: "/opt/swarm/nowhere" }, "there is no Firecracker at /opt/swarm/nowhere"],
  [
    "something that is no kernel",
    { source: { boot: { kernel: `${images}/disk`, rootfs: `${images}/disk`, memory: smallMemory() } } },
    "boot /opt/swarm/images/disk failed",
  ],
  [
    "another digest than the pinned one",
    { digest: `sha256:${"0".repeat(64)}` },
    "but the configuration pins sha256:000",
  ],
])("the error names %s, and nothing is left", async (_name, props, words) => {
  const one = await stage.artifact(props);
  await expect(one.create()).rejects.toThrow(words);
  expect(await stage.changesSince(stage.before)).toEqual([]);
});

test("the error for a guest that does not come up in time has the end of its console", async () => {
  await stage.run(
    "mkdir /opt/swarm/bare; printf '#!/bin/sh\\necho starting up\\nexec /opt/stub \"$@\"\\n' >/opt/swarm/bare/vmm; chmod 755 /opt/swarm/bare/vmm",
  );
  const source = {
    boot: { kernel: `${images}/kernel`, rootfs: `${images}/disk`, memory: smallMemory(), timeout: 1 },
  };
  const one = await stage.artifact({ source, firecracker: "/opt/swarm/bare/vmm" });
  await expect(one.create()).rejects.toThrow(
    /was not up within 1 s \(hornet:snapshot\.boot\.timeout\)[\s\S]*end of its console:[\s\S]*InstanceStart/,
  );
  await stage.run("rm -r /opt/swarm/bare");
  expect(await stage.changesSince(stage.before)).toEqual([]);
});

test("whichever step of a boot fails, the error names it and nothing is left", async () => {
  const probe = await stage.artifact();
  const effects = await effectsOf(stage.droplet.folder, () => probe.create());
  await probe.delete();
  expect(effects.length).toBeGreaterThan(12);
  for (const effect of new Set(effects)) {
    const one = await stage.artifact();
    const message = await messageWhenFailing(effect, () => one.create());
    expect(message).toContain(`injected failure at ${effect}`);
    expect({ effect, left: await stage.changesSince(stage.before) }).toEqual({ effect, left: [] });
  }
});

test("whichever step of a delete fails, the error names it and the next delete completes", async () => {
  const probe = await stage.artifact();
  await probe.create();
  const effects = await effectsOf(stage.droplet.folder, () => probe.delete());
  for (const effect of new Set(effects)) {
    const one = await stage.artifact();
    await one.create();
    expect(await messageWhenFailing(effect, () => one.delete())).toContain(`injected failure at ${effect}`);
    await one.delete();
    expect({ effect, left: await stage.changesSince(stage.before) }).toEqual({ effect, left: [] });
  }
});
