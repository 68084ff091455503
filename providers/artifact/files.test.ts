/** Files that are no files, or change while Hornet reads them. */
import { messageOf } from "../../host/errors";
import { images, snapshots, Stage } from "../../test/support/scratchStage";
import { smallMemory } from "../../test/support/settings";
import { hashFiles, hashTolerantly } from "./files";
import { sessions } from "../../test/support/scratchProvider";

jest.setTimeout(120_000);

const stage = Stage.use({ withVmm: true });
const folder = "/opt/swarm/bare";

async function saidBy(work: Promise<unknown>): Promise<string> {
  return work.then(() => "it succeeded", messageOf);
}

test.each([
  ["a fifo", "mkfifo"],
  ["a folder", "mkdir"],
  ["an endless device", "mknod -m 644 $1 c 1 5; :"],
  ["a link to a fifo", "mkfifo /opt/swarm/bare/pipe; ln -s pipe"],
])("%s in place of a snapshot's file blocks nothing", async (_what, make) => {
  try {
    for (const name of ["vm.mem", "vm.snapshot", "rootfs.ext4"]) {
      const path = `${folder}/${name}`;
      await stage.run(`mkdir ${folder}; cd ${folder}; touch vm.mem vm.snapshot rootfs.ext4; rm ${name}
        set -- ${path}; ${make} ${path}`);
      const one = await stage.artifact({ source: { path: folder } });
      expect(await saidBy(one.create())).toContain(`${path} on `);
      const source = { from: { droplet: stage.droplet.connection, path: folder } };
      expect(await saidBy((await stage.artifact({ source })).create())).toMatch(/is not a regular file/);
      expect((await hashTolerantly(sessions.of(stage.droplet.connection), [path])).get(path)?.sha256).toBe("irregular");
      await stage.run(`rm -r ${folder}`);
    }
  } finally {
    await stage.run(`rm -rf ${folder}`);
  }
});

test("a file that changes while it is read gets no digest", async () => {
  const path = `${images}/growing`;
  const write = `(for ((i = 0; i < 2000; i++)); do echo >>${path}; sleep 0.01; done) >/dev/null 2>&1 </dev/null &`;
  try {
    await stage.run(`truncate -s 256M ${path}; ${write} echo $! >/run/writer`);
    expect(await saidBy(hashFiles(sessions.of(stage.droplet.connection), [path]))).toMatch(
      /changed while Hornet read it/,
    );
  } finally {
    await stage.run(`kill $(cat /run/writer); rm -f ${path} /run/writer`);
  }
});

test("a hard link that is made meanwhile changes nothing", async () => {
  const path = `${images}/shared`;
  try {
    await stage.run(`truncate -s 64M ${path}; (sleep 0.1; ln ${path} ${path}2) >/dev/null 2>&1 </dev/null &`);
    const hashes = await hashFiles(sessions.of(stage.droplet.connection), [path]);
    expect(hashes.get(path)).toMatchObject({
      size: 64 << 20,
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown,
    });
  } finally {
    await stage.run(`rm -f ${path} ${path}2`);
  }
});

test("a boot is refused if its files change before the snapshot is taken, and nothing is left", async () => {
  const disk = `${images}/changing`;
  await stage.run(`cp ${images}/disk ${disk}`);
  try {
    const before = await stage.observe();
    const boot = { kernel: `${images}/kernel`, rootfs: disk, memory: smallMemory(), timeout: 20 };
    const one = await stage.artifact({ source: { boot } });
    const work = saidBy(one.create());
    // The disk's copy exists once the VM is launched.
    await stage.run(
      `until compgen -G '/opt/swarm/runtime/*/vmm.pid' >/dev/null; do sleep 0.01; done; touch -d @1 ${disk}`,
    );
    expect(await work).toMatch(/changing on .* changed while Hornet used it/);
    await stage.run(`rm ${disk}; cp ${images}/disk ${disk}`);
    expect((await stage.changesSince(before)).filter((line) => !line.includes(disk))).toEqual([]);
  } finally {
    await stage.run(`rm -f ${disk}`);
  }
});

test("a folder with a manifest of gigabytes is no artifact", async () => {
  const named = `${snapshots}/${"0".repeat(64)}`;
  await stage.run(`mkdir -p ${named}; truncate -s 3G ${named}/manifest.json`);
  try {
    const vars = { dir_of_artifacts: snapshots };
    const call = { what: "list", run: "list_manifests", vars };
    expect(await sessions.of(stage.droplet.connection).perform(call)).toBe("");
    await stage.run(`truncate -s 5 ${named}/manifest.json; chown 1000 ${named}/manifest.json`);
    expect(await sessions.of(stage.droplet.connection).perform(call)).toBe("");
  } finally {
    await stage.run(`rm -r ${snapshots}`);
  }
});
