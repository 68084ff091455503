import { Driver } from "../../test/support/scratchProvider";
import { images, other, owner, Stage } from "../../test/support/scratchStage";
import { definition } from "../droplet/check";

jest.setTimeout(120_000);

const place = "/opt/deep";

/** One droplet is both ends: what is said to be on another one lies in another folder. */
const stage = Stage.use({
  withVmm: true,
  undo: async () => {
    await stage.run(`while umount ${place} 2>/dev/null; do :; done; rm -rf ${place} /opt/there`);
  },
});

/** A snapshot in /opt/there, whose manifest says what `edit`, a sed script, makes of it. */
async function snapshotThere(edit: string): Promise<void> {
  const template = await stage.artifact({}, other);
  await template.create();
  const { folder } = template.outs.artifact as { folder: string };
  await stage.run(`cp -a ${folder} /opt/there; sed -i '${edit}' /opt/there/manifest.json`);
  await template.delete();
}

function claim(needs: object): Promise<Driver> {
  return Driver.of(definition, {
    droplet: stage.droplet.connection,
    owner,
    runtimeDir: `${place}/runtime`,
    dir: `${place}/snapshots`,
    namespaces: ["vm7", "vm8"],
    needs,
  });
}

async function report(needs: object): Promise<string> {
  const one = await claim(needs);
  const before = await stage.observe();
  const said = await one.create().then(
    () => "it succeeded",
    (error: unknown) => String(error),
  );
  expect(await stage.changesSince(before)).toEqual([]);
  return said;
}

const from = (): object => ({ transfer: true, from: { droplet: stage.droplet.connection, path: "/opt/there" } });

test("memory, disk and format of a snapshot to be made are in the one report, before any change", async () => {
  await snapshotThere('s/"memory": 16/"memory": 90000000/; s/"snapshotFormat": "[^"]*"/"snapshotFormat": "5.0.0"/');
  await stage.run(
    `dd if=/dev/urandom of=/opt/there/rootfs.ext4 bs=1M count=8 conv=notrunc status=none; mkdir ${place}; mount -t tmpfs -o size=12m none ${place}`,
  );
  const said = await report(from());
  expect(said).toMatch(/nothing was changed/);
  expect(said).toMatch(/the snapshot has 5\.0\.0, which needs Firecracker 1\.11/);
  expect(said).toMatch(/\/opt\/deep\/runtime has 12 MiB free; 2 disks may need 16 MiB, the snapshot may need \d+ MiB/);
  expect(said).toMatch(/MiB of memory are available; 2 clones need about 45000016 MiB/);
});

test("a clone that moves to the snapshot needs room for its new disk beside the old one", async () => {
  await snapshotThere("");
  await stage.run(
    `dd if=/dev/urandom of=/opt/there/rootfs.ext4 bs=1M count=8 conv=notrunc status=none; mkdir ${place}; mount -t tmpfs -o size=12m none ${place}
    for n in 7 8; do mkdir -p ${place}/runtime/vm$n; echo '${owner}' >${place}/runtime/vm$n/owner; echo digest=another >${place}/runtime/vm$n/record; echo 1 0 x >${place}/runtime/vm$n/vmm.pid; done`,
  );
  const disks = (most: number): Promise<string> => report({ ...from(), maxUnavailable: most });
  expect(await disks(1)).toMatch(/has 12 MiB free; 1 disks may need 8 MiB, the snapshot may need \d+ MiB/);
  expect(await disks(5)).toMatch(/has 12 MiB free; 2 disks may need 16 MiB, the snapshot may need \d+ MiB/);
});

test("another CPU model is a warning, and an unknown one does not block", async () => {
  await snapshotThere('s/"cpu": "[^"]*"/"cpu": "another one"/');
  const one = await claim(from());
  await one.create();
  expect(one.outs.warnings).toContainEqual(expect.stringContaining('the snapshot was made on "another one"'));
  await one.update({ needs: { transfer: true, from: { droplet: stage.droplet.connection, path: "/opt/nowhere" } } });
  expect(one.outs.warnings).toContainEqual(expect.stringContaining("the snapshot's needs are unknown"));
  await one.delete();
});

test("missing CPU features are a fault with their names, whether the snapshot is here or elsewhere", async () => {
  await snapshotThere('s/"cpuFeatures": \\[/&"amx_future", /');
  const lacks = /was made on ".*" with amx_future, which the droplet's ".*" lacks: guests that use them would crash/;
  expect(await report(from())).toMatch(lacks);
  expect(await report({ snapshot: "/opt/there" })).toMatch(lacks);
  const one = await claim({ ...from(), requireCpuFeatures: false });
  await one.create();
  expect(one.outs.warnings).toContainEqual(expect.stringContaining("lacks amx_future, which the snapshot"));
  await one.delete();
});

test("the report has the sizes of a folder without a manifest too", async () => {
  await snapshotThere("");
  await stage.run(`rm /opt/there/manifest.json; truncate -s 90T /opt/there/vm.mem || truncate -s 9T /opt/there/vm.mem`);
  expect(await report(from())).toMatch(/MiB of memory are available; 2 clones need about/);
  expect(await report({ snapshot: "/opt/there" })).toMatch(/MiB of memory are available; 2 clones need about/);
});

test("a folder without a manifest is refused before any change if Firecracker cannot read its state", async () => {
  await snapshotThere("");
  await stage.run("rm /opt/there/manifest.json");
  const state = Buffer.from(await stage.run("base64 -w0 /opt/there/vm.snapshot"), "base64");
  const written = (bytes: Buffer): Promise<string> =>
    stage.run(`base64 -d <<<'${bytes.toString("base64")}' >/opt/there/new; mv /opt/there/new /opt/there/vm.snapshot`);
  await written(ofFormat(state, "09.0.0"));
  expect(await report({ snapshot: "/opt/there" })).toMatch(/the snapshot has 09\.0\.0, which needs Firecracker 1\.15/);
  await written(state.subarray(0, 4));
  expect(await report({ snapshot: "/opt/there" })).toMatch(
    /cannot read \/opt\/there\/vm\.snapshot: .*Invalid data format/,
  );
});

/** A state file of the stand-in that says of itself that another version wrote it, its checksum (CRC-64 of Jones) made anew. */
function ofFormat(state: Buffer, version: string): Buffer {
  const body = Buffer.from(state.subarray(0, -8));
  // It is in the file's head, and again in what the stand-in writes after it.
  for (let at = body.indexOf("10.0.0"); at >= 0; at = body.indexOf("10.0.0", at + 1)) body.write(version, at);
  let crc = 0n;
  for (const byte of body) {
    crc ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++) crc = crc & 1n ? (crc >> 1n) ^ 0x95ac9329ac4bc9b5n : crc >> 1n;
  }
  const sum = Buffer.alloc(8);
  sum.writeBigUInt64LE(crc);
  return Buffer.concat([body, sum]);
}

test("an identity method that the snapshot's guests do not support is refused in the same report, wherever the snapshot is", async () => {
  await snapshotThere("");
  await stage.run(
    `sed -i -z 's/"mmds": {[^}]*}/"mmds": null/; s/"identity": "[a-z]*"/"identity": "ssh"/' /opt/there/manifest.json`,
  );
  for (const where of [from(), { snapshot: "/opt/there" }]) {
    const service = await report({ ...where, identity: "service" });
    expect(service).toMatch(/nothing was changed/);
    expect(service).toContain("has no metadata service, which hornet:guest.identity: service needs");
    const agent = await report({ ...where, agentCommand: true });
    expect(agent).toContain("has no identity service of Hornet's, which runs hornet:agent.command");
  }
  await stage.run(`sed -i 's/"diskPath": "[^"]*"/"diskPath": ""/' /opt/there/manifest.json`);
  expect(await report({ snapshot: "/opt/there", identity: "cloud-init" })).toContain(
    "cloud-init boots clones from theirs",
  );
});

test("a boot needs room for its disk, its memory and the copies of the clones", async () => {
  await stage.run(
    `mkdir ${place}; mount -t tmpfs -o size=20m none ${place}; dd if=/dev/urandom of=/opt/there bs=1M count=8 status=none`,
  );
  const files = [
    { path: `${images}/kernel`, key: "hornet:snapshot.boot.kernel" },
    { path: "/opt/there", key: "hornet:snapshot.boot.rootfs" },
  ];
  const said = await report({ memory: 16, files, disk: "/opt/there", boots: true });
  expect(said).toMatch(/has 20 MiB free; 2 disks may need 16 MiB, the snapshot may need 2[4-6] MiB/);
});

test("an unproved or unsigned snapshot is refused in the same report", async () => {
  await snapshotThere("");
  const { from: there } = from() as { from: object };
  const said = await report({
    transfer: true,
    from: { ...there, proofs: `${place}/runtime` },
    signers: ["ops@example.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"],
  });
  expect(said).toMatch(/nothing was changed/);
  expect(said).toMatch(/is not proved: no fleet on .* has passed its smoke tests with it/);
  expect(said).toMatch(/there is no \/opt\/there\/manifest\.json\.sig on .*, and hornet:snapshot\.signers asks for a/);
});
