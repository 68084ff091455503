import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { encode } from "../../host/session/call";
import { readLibrary } from "../../host/session/library";
import { fuzz } from "./harness";

/** The manifest's files. */
const files = new Map([
  ["vm.mem", Buffer.concat([Buffer.alloc(500, "m"), Buffer.alloc(700), Buffer.from("end")])],
  ["vm.snapshot", Buffer.from("state")],
]);
const digest = "0".repeat(64);
const sha256 = (content: Buffer): string => createHash("sha256").update(content).digest("hex");

/** A frame: a name, where its bytes belong, how many it says they are, and the bytes. */
interface Frame {
  readonly name: string;
  readonly at: number;
  readonly length: number;
  readonly data: Buffer;
}
interface Stream {
  readonly frames: readonly Frame[];
  /** Bytes after the frames. */
  readonly rest: Buffer;
  /** How much of the compressed stream arrives. */
  readonly share: number;
}

const honest: readonly Frame[] = [...files]
  .flatMap(([name, content]) => [
    { name, at: 0, length: 500, data: content.subarray(0, 500) },
    ...(content.length > 500 ? [{ name, at: 1200, length: 3, data: Buffer.from("end") }] : []),
    { name, at: content.length, length: 0, data: Buffer.alloc(0) },
  ])
  .map((one) => (one.name === "vm.snapshot" && one.length > 0 ? { ...one, length: 5 } : one));

const name = fc.constantFrom("vm.mem", "vm.snapshot", "vm.mem.sum", "../up", ".transfer", "junk", "", "-");
const frame = fc
  .record({
    name,
    at: fc.integer({ min: -2, max: 1300 }),
    data: fc.uint8Array({ maxLength: 20 }).map((one) => Buffer.from(one)),
  })
  .map((one): Frame => ({ ...one, length: one.data.length }));
const edit = fc.record({ where: fc.nat(6), what: fc.constantFrom("drop", "double", "insert", "swap", "keep"), frame });
const streams: fc.Arbitrary<Stream> = fc.record({
  frames: fc.array(edit, { maxLength: 3 }).map((edits) =>
    edits.reduce<readonly Frame[]>((all, { where, what, frame: other }) => {
      const [before, one, after] = [all.slice(0, where), all.slice(where, where + 1), all.slice(where + 1)];
      if (what === "drop") return [...before, ...after];
      if (what === "double") return [...before, ...one, ...one, ...after];
      if (what === "insert") return [...before, other, ...one, ...after];
      return what === "swap" ? [...before, ...after.slice(0, 1), ...one, ...after.slice(1)] : all;
    }, honest),
  ),
  rest: fc.oneof(
    { weight: 3, arbitrary: fc.constant(Buffer.alloc(0)) },
    fc.uint8Array({ maxLength: 20 }).map((one) => Buffer.from(one)),
  ),
  share: fc.oneof({ weight: 3, arbitrary: fc.constant(1) }, fc.double({ min: 0, max: 1, noNaN: true })),
});

test("transfer: only the manifest's files are accepted, whatever arrives", async () => {
  await fuzz({
    name: "transfer",
    inputs: streams,
    check: ({ frames, rest, share }) => {
      const plain = Buffer.concat([
        ...frames.flatMap((one) => [Buffer.from(`${one.name} ${one.at} ${one.length}\n`), one.data]),
        rest,
      ]);
      const whole = execFileSync("zstd", ["-q", "-c", "-"], { input: plain });
      const stream = whole.subarray(0, Math.ceil(whole.length * share));
      // Hornet makes folders only where root alone can change what is above them.
      const folder = mkdtempSync("/var/lib/hornet-fuzz-");
      try {
        const taken = receives(folder, stream);
        const draft = join(folder, "artifacts", ".hornet-draft-fuzz");
        if (taken) expectExact(draft);
        // What an honest source sends must be taken.
        if (!taken && frames === honest && rest.length === 0 && share === 1)
          throw new Error("an honest stream is refused");
        if (readdirSync(folder).join() !== "artifacts" && readdirSync(folder).length > 0)
          throw new Error("a file left the folder");
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
  });
});

/** The three calls of a transfer; true where they succeed. */
function receives(folder: string, stream: Buffer): boolean {
  const vars = { namespace: "fuzz", owner: "hornet:fuzz:1", dir_of_artifacts: join(folder, "artifacts"), digest };
  const expected = [...files].map(([file, content]) => `0 ${content.length} ${file}`).join("\n");
  const sums = [...files].map(([file, content]) => `${sha256(content)} ${file}\n`).join("");
  const limits = { stall: "5", grace: "5", rate: "1" };
  const calls = [
    encode({ what: "", run: "begin_receive", vars, stdin: "" }),
    encode({ what: "", run: "receive_files", vars: { ...vars, ...limits, files: expected } }),
    encode({ what: "", run: "verify_receive", vars, stdin: sums }),
  ];
  const script = `eval "$(<"$0")"; stream_begins=begins; ${calls.map((_call, at) => `(eval "$${at + 1}") || exit 1`).join("; ")}`;
  const library = join(folder, "..", `hornet-fuzz-library-${process.pid}`);
  execFileSync("tee", [library], { input: readLibrary(), stdio: ["pipe", "ignore", "inherit"] });
  try {
    execFileSync("bash", ["-c", script, library, ...calls], {
      input: Buffer.concat([Buffer.from("begins\n"), stream]),
      stdio: ["pipe", "ignore", "ignore"],
      timeout: 20_000,
    });
    return true;
  } catch (error) {
    if ((error as { signal?: unknown }).signal === "SIGTERM") throw new Error("the receiver hangs");
    return false;
  } finally {
    rmSync(library, { force: true });
  }
}

function expectExact(draft: string): void {
  const there = readdirSync(draft).sort();
  if (there.join() !== [...files.keys()].sort().join()) throw new Error(`the draft holds ${there.join()}`);
  for (const [file, content] of files) {
    const path = join(draft, file);
    if (!lstatSync(path).isFile() || !readFileSync(path).equals(content)) throw new Error(`${file} is another file`);
  }
}
