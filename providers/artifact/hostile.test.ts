/** A transfer whose source is hostile: its digest is pinned, its streams are forged. */
import { messageOf } from "../../host/errors";
import { compressed, frame, greet, HostileSource } from "../../test/support/hostileSource";
import type { Driver } from "../../test/support/scratchProvider";
import { arrivals, images, snapshots, Stage } from "../../test/support/scratchStage";
import { sessions } from "../../test/support/scratchProvider";

jest.setTimeout(180_000);

let made: Driver;
let source: HostileSource;
let digest = "";
/** The pinned artifact's files, the largest first, as a transfer sends them. */
let files: { readonly name: string; readonly content: Buffer }[] = [];

const stage = Stage.use({ withVmm: true });

beforeAll(async () => {
  await stage.run(`truncate -s 64K ${images}/small; head -c 9000 /dev/urandom | dd of=${images}/small conv=notrunc status=none
    printf '\\177ELF\\2\\1\\1' >${images}/little; truncate -s 4K ${images}/little`);
  const boot = { kernel: `${images}/little`, rootfs: `${images}/small`, memory: 16, timeout: 20 };
  made = await stage.artifact({ source: { boot } });
  digest = String((await made.create()).artifactDigest);
  const read = async (name: string): Promise<Buffer> =>
    Buffer.from(await stage.run(`base64 ${snapshots}/${digest.slice(7)}/${name}`), "base64");
  const names = ["vm.mem", "rootfs.ext4", "vmlinux", "vm.snapshot"];
  files = await Promise.all(names.map(async (name) => ({ name, content: await read(name) })));
  files.sort((one, other) => other.content.length - one.content.length);
  source = await HostileSource.begin(stage);
  stage.before = await stage.observe();
});

// The stage's own hook ends the droplet, and everything on it.

/** Everything that an honest source sends of one file. */
function whole(name: string, content: Buffer): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0; at < content.length; at += 1 << 20) {
    pieces.push(frame(name, at, content.subarray(at, at + (1 << 20))));
  }
  return [...pieces, frame(name, content.length)];
}

const honest = (): Buffer[] => files.flatMap(({ name, content }) => whole(name, content));

/** Tries to bring the pinned snapshot, and proves that nothing of it stays. */
async function refusedWith(script: string, stream?: Buffer): Promise<string> {
  await source.sends(script, stream);
  const before = await stage.observe();
  const folder = `${snapshots}/${digest.slice(7)}`;
  const droplet = { ...stage.droplet.connection, timeout: 5 };
  const one = await stage.brought(folder, {
    digest,
    droplet,
    source: { from: { droplet: source.connection, path: folder } },
  });
  const said = await one.create().then(() => "it succeeded", messageOf);
  expect(await stage.changesSince(before)).toEqual([]);
  expect(said).toContain("mallory@");
  return said;
}

const cat = `${greet}; cat "$home/stream"`;
const hang = "echo $$ >>/opt/hostile/pids; exec sleep 1000";
const send = (...parts: Buffer[]): Promise<string> => refusedWith(cat, compressed(...parts));

test("an honest stream of the same kind is accepted", async () => {
  await source.sends(cat, compressed(...honest()));
  const folder = `${snapshots}/${digest.slice(7)}`;
  const from = { droplet: source.connection, path: folder };
  const one = await stage.brought(folder, { digest, source: { from } });
  expect((await one.create()).artifactDigest).toBe(digest);
  expect(await stage.run(`cmp ${folder}/vm.mem ${arrivals}/${digest.slice(7)}/vm.mem; echo same`)).toBe("same\n");
  await one.delete();
});

test("a name sent twice, a forged digest, a foreign name and a path are refused", async () => {
  const forged = Buffer.alloc(files[1]?.content.length ?? 0, "evil");
  const [first, second] = files;
  if (first === undefined || second === undefined) throw new Error("there is no artifact");
  expect(await send(...honest(), ...whole(second.name, forged))).toContain(`sent ${second.name} a second time`);
  expect(await send(...whole(first.name, first.content), ...whole(first.name, first.content))).toContain(
    `sent ${first.name} a second time`,
  );
  expect(await send(frame("vm.mem.sum", 0, "0".repeat(64)), ...honest())).toContain("sent a file vm.mem.sum");
  for (const name of ["junk", "../junk", ".transfer", "manifest.json"]) {
    expect(await send(...honest(), ...whole(name, Buffer.from("junk")))).toContain(`sent a file ${name}, which`);
  }
  expect(await refusedWith(cat, compressed(...honest().slice(0, -1)))).toMatch(
    /not complete: the stream ended before vm\.snapshot was complete/,
  );
});

test("wrong content of the right size, wrong sizes and pieces out of order are refused", async () => {
  const [first] = files;
  if (first === undefined) throw new Error("there is no artifact");
  const { name, content } = first;
  const rest = files.slice(1).flatMap((file) => whole(file.name, file.content));
  const said = await send(...whole(name, Buffer.alloc(content.length, "evil")), ...rest);
  expect(said).toMatch(new RegExp(`${name} arrived with the digest [0-9a-f]{64}`));
  expect(await send(frame(name, content.length - 1))).toContain(`ended ${name} at byte ${content.length - 1}`);
  expect(await send(frame(name, content.length, "x"))).toContain(`sent more of ${name} than`);
  expect(await send(frame(name, 100, "bb"), frame(name, 101, "cc"))).toContain(`sent bytes of ${name} twice`);
  expect(await send(frame(name, 0, Buffer.alloc((1 << 20) + 1)))).toContain("bytes at once");
  expect(await send(Buffer.from(`${name} -1 4\nabcd`))).toContain("sent something else than a snapshot");
  expect(await send(Buffer.alloc(5000, "x"))).toContain("sent something else than a snapshot");
});

test("a shell that prints anything, nothing, or endlessly is refused", async () => {
  expect(await refusedWith("echo hello")).toMatch(/not complete: the stream ended before vm\.mem/);
  expect(await refusedWith("exit 3")).toContain("mallory@");
  expect(await refusedWith("yes")).toContain("sent something else than a snapshot");
  expect(await refusedWith(`${cat}; head -c 100000 /dev/urandom`)).toMatch(/vm\.mem was complete/);
  // Zeros pack to nothing: a stream without end.
  expect(await refusedWith(`${cat}; tr '\\0' x </dev/zero | zstd -q -c`)).toContain("something else");
  // Empty zstd frames make no content.
  const skipped =
    "head -c 65528 /dev/zero >$home/skipped; while printf '\\x50\\x2a\\x4d\\x18\\xf8\\xff\\0\\0' && cat $home/skipped; do :; done";
  expect(await refusedWith(`${cat}; ${skipped}`)).toContain("sent more bytes than the files");
});

test("a stream that stops and one that never ends are refused", async () => {
  const almost = honest();
  const parts = compressed(...almost.slice(0, -1));
  const stopped = /sent nothing for 5 s, before \S+ was complete/;
  expect(await refusedWith(`${cat}; ${hang}`, parts)).toMatch(stopped);
  const all = compressed(...almost);
  expect(await refusedWith(`${cat}; ${hang}`, all)).toMatch(stopped);
  expect(await refusedWith(hang)).toMatch(/sent nothing for 10 s, before vm\.mem was complete/);
  await sessions.close();
  // What hangs on the hostile droplet is its own affair.
  await stage.run("kill $(cat /opt/hostile/pids)");
});

test("a source with a manifest that is not the pinned one, or too large, is refused", async () => {
  const folder = `${snapshots}/strange`;
  const from = { droplet: source.connection, path: folder };
  const attempt = async (): Promise<string> =>
    (await stage.brought(folder, { source: { from } })).create().then(() => "it succeeded", messageOf);
  try {
    await stage.run(`mkdir ${folder}; truncate -s 3G ${folder}/manifest.json`);
    expect(await attempt()).toMatch(/manifest\.json on mallory@.* is larger than 1048576 bytes/);
    await stage.run(`cp --remove-destination ${snapshots}/${digest.slice(7)}/manifest.json ${folder}
      sed -i 's/"vm.mem"/"..\\/vm.mem"/' ${folder}/manifest.json`);
    expect(await attempt()).toMatch(/is not a manifest of Hornet's/);
  } finally {
    await stage.run(`rm -r ${folder}`);
  }
});
