import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tarOf } from "./tar";

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "hornet-tar-"))));
afterEach(() => rmSync(folder, { recursive: true }));

const long = `${"folder/".repeat(20)}a file`;

function fill(name: string): string {
  const root = join(folder, name);
  mkdirSync(join(root, "folder/".repeat(20)), { recursive: true });
  mkdirSync(join(root, ".git"));
  writeFileSync(join(root, ".git/config"), "");
  writeFileSync(join(root, "agent"), "#!/bin/sh\n");
  chmodSync(join(root, "agent"), 0o755);
  writeFileSync(join(root, "größe 'quoted'"), Buffer.alloc(1025, 1));
  writeFileSync(join(root, long), "deep");
  symlinkSync(`../${"x".repeat(120)}`, join(root, "link"));
  return root;
}

test("GNU's and busybox's tar read names, modes, links and content", () => {
  const file = join(folder, "x.tar");
  writeFileSync(file, tarOf(fill("one")));
  const listed = execFileSync("tar", ["-tvf", file, "--quoting-style=literal"], { encoding: "utf8" });
  expect(listed).toMatch(/^-rwxr-xr-x 0\/0 +10 1970-01-01 .* agent$/m);
  expect(listed).toContain("größe 'quoted'");
  expect(listed).toContain(`link -> ../${"x".repeat(120)}`);
  expect(listed).not.toContain(".git");
  for (const [at, tar] of [["tar"], ["busybox", "tar"]].entries()) {
    const [command = "", ...args] = tar;
    const into = join(folder, `into-${at}`);
    mkdirSync(into);
    execFileSync(command, [...args, "-xf", file, "-C", into]);
    rmSync(join(folder, "one/.git"), { recursive: true, force: true });
    execFileSync("diff", ["-r", "--no-dereference", join(folder, "one"), into]);
  }
});

test("equal content gives equal bytes at any time, and another mode gives others", () => {
  const [one, two] = [fill("one"), fill("two")];
  utimesSync(join(two, "agent"), 1, 1);
  expect(tarOf(one).equals(tarOf(two))).toBe(true);
  chmodSync(join(two, "agent"), 0o700);
  expect(tarOf(one).equals(tarOf(two))).toBe(false);
});

test("a file that an image cannot hold is refused by name", () => {
  execFileSync("mkfifo", [join(folder, "pipe")]);
  expect(() => tarOf(folder)).toThrow(/pipe is neither a file nor a folder nor a symbolic link/);
});
