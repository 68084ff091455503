/** Folders that Hornet makes for what it puts on a droplet: whatever is cut off, none of them stays. */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

jest.setTimeout(60_000);

const sources = ["common.sh", "process.sh", "../owner/claim.sh"]
  .map((file) => `. ${resolve(__dirname, file)}`)
  .join("; ");

let root: string;
let lock: string;
beforeEach(() => {
  // Not in /tmp: Hornet makes no folder where another user can change one above it.
  root = mkdtempSync("/run/hornet-folders-");
  lock = mkdtempSync("/run/hornet-folders-lock-");
});
afterEach(() => {
  for (const folder of [root, lock]) rmSync(folder, { recursive: true, force: true });
});

/** A shell that looks like a lane, which is how others see that its drafts are not given up. */
function lane(script: string): readonly string[] {
  return ["--norc", "-c", `${sources}; lock_folder=${lock}; root=${root}; ${script}`, "x", "hornet-lane"];
}

/** Runs a script that ends as if killed before its Nth process; gives whether it came that far. */
function cutOff(script: string, at: number): boolean {
  const tools = ["mkdir", "chmod", "mv", "rm", "rmdir", "find"];
  const counted = tools.map((tool) => `${tool}() { ((++n == ${at})) && kill -9 $$; command ${tool} "$@"; }`);
  return spawnSync("bash", [...lane(`n=0; ${counted.join("; ")}; ${script}`)]).signal === "SIGKILL";
}

const make = "make_folder $root/a/b/c";
const drop = "drop_folder $root/a/b/c";

test.each([
  ["making", "", make],
  ["taking away", make, drop],
  ["taking away with what others did not finish", `${make}; mkdir -p $root/a/b/c/.hornet-draft.0/x`, drop],
])("%s folders, cut off before any of its processes: the next call leaves nothing", (_what, before, script) => {
  let at = 1;
  for (; ; at++) {
    execFileSync("bash", [...lane(before === "" ? ":" : before)]);
    const killed = cutOff(script, at);
    execFileSync("bash", [...lane(`${make}; [[ -d $root/a/b/c ]] && ${drop}`)]);
    expect({ at, left: readdirSync(root) }).toEqual({ at, left: [] });
    if (!killed) break;
  }
  expect(at).toBeGreaterThan(3);
});

test("files of others stay, with the folders above them", () => {
  mkdirSync(join(root, "a"));
  execFileSync("bash", [...lane(make)]);
  writeFileSync(join(root, "a/b/theirs"), "");
  execFileSync("bash", [...lane(drop)]);
  expect(readdirSync(join(root, "a/b")).sort()).toEqual([".hornet-made", "theirs"]);
  rmSync(join(root, "a/b/theirs"));
  execFileSync("bash", [...lane(drop)]);
  expect(readdirSync(join(root, "a"))).toEqual([]);
});

test("a claim goes, with the folders above it, where nothing can be made or renamed, as in a full quota of btrfs", () => {
  const script = `mount -t tmpfs -o mode=755,nr_inodes=40 none $root; owner=us
    claim $root/a/b/vm7 && mkdir $root/a/b/vm7/jail && : >$root/a/b/vm7/jail/disk
    fill() { while : >$root/fill$((++n)); do :; done 2>/dev/null; }
    rm() { command rm "$@" && fill; }; mv() { return 1; }
    n=0; fill; unclaim $root/a/b/vm7; command rm $root/fill*; ls -A $root`;
  const argv = ["-m", "--propagation", "private", "bash", ...lane(script)];
  expect(spawnSync("unshare", argv, { encoding: "utf8" })).toMatchObject({ status: 0, stdout: "", stderr: "" });
});

test("a draft that another lane removes meanwhile causes no failure", () => {
  // The look finds the note, and opens it after the other lane has removed it.
  const script = `mkdir -p $root/a; note=$root/a/.hornet-draft.0; printf 'x\\n' >$note
    draft_grows() { rm -f "$1"; return 1; }; set -euo pipefail; clear_drafts $root/a/b`;
  const { status, stderr } = spawnSync("bash", [...lane(script)], { encoding: "utf8" });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
});

test("lanes that create and remove folders at once lose nothing and leave nothing", async () => {
  const turns = `owner=us
    for n in {1..150}; do claim $root/a/b/$BASHPID && unclaim $root/a/b/$BASHPID || exit 1; done`;
  // A shell that waits for three lanes may have forgotten the first one to end.
  const one = (): Promise<number | null> =>
    new Promise((done) => spawn("bash", [...lane(turns)], { stdio: "ignore" }).on("close", done));
  expect(await Promise.all([one(), one(), one()])).toEqual([0, 0, 0]);
  expect(readdirSync(root)).toEqual([]);
});
