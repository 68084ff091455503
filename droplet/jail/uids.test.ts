import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readLibrary } from "../../host/session/library";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hornet-uids-"));
  for (const name of ["uids", "vm1"]) mkdirSync(join(folder, name));
  writeFileSync(join(folder, "library"), readLibrary());
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Takes a uid for vm1 from 1870000 to 1870002. */
function takeUid(): string {
  const script =
    `. "$1/library"; lock_folder=/nowhere uids_folder=$1/uids uids="1870000 3"; ` +
    `hold_uid "$1/vm1" uid && printf %s "$uid"`;
  return execFileSync("bash", ["-c", script, "test", folder], { encoding: "utf8" });
}

test("clones that start at once take different uids", () => {
  const script =
    `. "$1/library"; lock_folder=$1 uids_folder=$1/uids uids="1870000 12"; ` +
    `for i in {1..12}; do mkdir -p "$1/vm$i"; (hold_uid "$1/vm$i" uid && echo "$uid") & done; wait`;
  const said = execFileSync("bash", ["-c", script, "test", folder], { encoding: "utf8" });
  const all = Array.from({ length: 12 }, (_, at) => String(1870000 + at));
  expect(said.split("\n").filter(Boolean).sort()).toEqual(all);
  const holders = all.map((uid) => readFileSync(join(folder, "uids", uid, "uid"), "utf8").trim());
  expect(holders).toEqual(all);
});

// Two clones that had lost their folders took each other's uid, and the old VMM of the one was not found by it any more.
test("a uid whose clone lost its folder stays taken while its VMM runs", async () => {
  const link = join(folder, "uids/1870000");
  symlinkSync(join(folder, "vm0"), link);
  const vmm = spawn("setpriv", ["--reuid", "1870000", "--regid", "1870000", "--clear-groups", "cat"]);
  try {
    vmm.stdin.write("runs\n");
    await once(vmm.stdout, "data");
    expect(takeUid()).toBe("1870001");
    expect(readlinkSync(link)).toBe(join(folder, "vm0"));
  } finally {
    vmm.stdin.end();
    await once(vmm, "exit");
  }
});

test("a uid whose clone and VMM are gone is given to another clone", () => {
  symlinkSync(join(folder, "vm0"), join(folder, "uids/1870000"));
  expect(takeUid()).toBe("1870000");
  expect(readlinkSync(join(folder, "uids/1870000"))).toBe(join(folder, "vm1"));
  expect(readdirSync(join(folder, "uids"))).toEqual(["1870000"]);
});
