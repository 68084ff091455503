/** Limits of a transfer's receiver (droplet/artifact/unpack.pl) that a whole transfer reaches too slowly. */
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const program = readFileSync(join(__dirname, "unpack.pl"), "utf8");

/** Lets the receiver wait for vm.mem. It tolerates 1 s of silence and 2 s of slowness. `piece` is written every 100 ms. */
async function receive(first: Buffer, piece: Buffer | undefined): Promise<{ code: number | null; said: string }> {
  const folder = mkdtempSync(join(tmpdir(), "hornet-unpack-"));
  mkdirSync(join(folder, ".transfer"));
  const script = 'exec perl -e "$0" "$1" 1 2 65536 3<<<"begins"$\'\\n\'"0 1000000 vm.mem"';
  const child = spawn("bash", ["-c", script, program, folder], { stdio: ["pipe", "ignore", "pipe"] });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
  child.stdin.on("error", () => undefined).write(Buffer.concat([Buffer.from("begins\n"), first]));
  const drip = setInterval(() => piece && child.stdin.write(piece), 100);
  try {
    return await new Promise((resolve) => child.once("close", (code) => resolve({ code, said })));
  } finally {
    clearInterval(drip);
    rmSync(folder, { recursive: true, force: true });
  }
}

const zstd = (input: string): Buffer => execFileSync("zstd", ["-q", "-c", "-"], { input });

test("a stream that goes silent times out", async () => {
  expect(await receive(zstd("vm.mem 0 1\nx"), undefined)).toEqual({
    code: 76,
    said: "sent nothing for 1 s, before vm.mem was complete\n",
  });
});

test("a stream that trickles times out, whether its bytes are content or not", async () => {
  const skipped = Buffer.from("502a4d1800000000", "hex");
  const said = "is slower than 65536 bytes/s, with vm.mem not complete\n";
  expect(await receive(zstd("vm.mem 0 1\nx"), skipped)).toEqual({ code: 76, said });
  expect(await receive(Buffer.alloc(0), zstd(`vm.mem 0 ${1 << 19}\n`))).toEqual({ code: 76, said });
});
