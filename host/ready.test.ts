import { spawn } from "node:child_process";
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "hornet-ready-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A clone's folder whose VMM lives. */
function clone(name: string, said: string): string {
  const dir = join(folder, name.replaceAll(" ", "-"));
  mkdirSync(dir);
  writeFileSync(join(dir, "console.log"), said);
  return dir;
}

/** What a scan hears of these, without asking their ssh servers. */
async function scan(clones: Record<string, string>, holdMs: number): Promise<string[]> {
  const script = `for part in common process ready; do . "$0/$part.sh"; done
    vmm_alive() { [[ ! -e $1/ended ]]; }
    ssh-keyscan() { printf '%s\\n' "\${@:5}"; }
    hold_ms=$1 && scan_ready`;
  const child = spawn("bash", ["-c", script, join(__dirname, "library"), String(holdMs)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  child.stdin.end(
    Object.entries(clones)
      .map(([address, dir]) => `${address} ${dir} 12ab\n`)
      .join(""),
  );
  let answer = "";
  for await (const text of child.stdout.setEncoding("utf8")) answer += String(text);
  return answer.split("\n").filter((line) => line !== "");
}

test.each([
  ["a line", "noise\r\nhornet-identity: ready 12ab\r\n", ["10.0.0.2"]],
  ["the end of a line", "login: hornet-identity: ready 12ab\r\n", ["10.0.0.2"]],
  ["a line behind bytes that are no text", "\0\0\xff hornet-identity: ready 12ab\r\n", ["10.0.0.2"]],
  ["another identity", "hornet-identity: ready 12ac\r\n", []],
  ["an earlier word", "hornet-identity: waiting\r\n", []],
  ["nothing", "", []],
])("a guest that says %s", async (what, said, expected) => {
  const dir = clone(what, said);
  expect(await scan({ "10.0.0.2": dir }, 30)).toEqual(expected);
});

test("one that says it byte by byte while it is listened to, beside one that is silent", async () => {
  const [speaks, silent] = [clone("speaks", "booting\r\n"), clone("silent", "booting\r\n")];
  const heard = scan({ "10.0.0.2": speaks, "10.0.0.3": silent }, 20_000);
  for (const byte of "hornet-identity: ready 12ab\r\n") {
    appendFileSync(join(speaks, "console.log"), byte);
    await sleep(10);
  }
  expect(await heard).toEqual(["10.0.0.2"]);
});

test("what was cut off a console is known still, of a few and of many", async () => {
  const dirs = Array.from({ length: 20 }, (_, at) => clone(`cut${at}`, "later\r\n"));
  for (const dir of dirs) writeFileSync(join(dir, "console.said"), "hornet-identity: ready 12ab\n");
  const clones = Object.fromEntries(dirs.map((dir, at) => [`10.0.0.${at}`, dir]));
  expect((await scan(clones, 30)).sort()).toEqual(Object.keys(clones).sort());
  expect(await scan({ "10.0.0.7": dirs[7] ?? "" }, 30)).toEqual(["10.0.0.7"]);
});

test("a VMM that ended is told of at once", async () => {
  const dir = clone("ended", "");
  writeFileSync(join(dir, "ended"), "");
  expect(await scan({ "10.0.0.2": dir }, 20_000)).toEqual(["dead 10.0.0.2"]);
});
