/** The stand-in's jailer prints and does the same as the recorded real one. */
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { run as runCommand } from "../../test/support/run";
import { build } from "./testing";

const row = z.object({
  case: z.string(),
  arguments: z.string(),
  exit: z.number(),
  stdout: z.string(),
  stderr: z.string(),
});
const rows = readFileSync(join(__dirname, "recorded-jailer-1.16.1.jsonl"), "utf8")
  .trimEnd()
  .split("\n")
  .map((line) => row.parse(JSON.parse(line)));

/** The program that the recording ran instead of a VMM: it prints its arguments and exits with 7. */
const PROGRAM = `
#include <stdio.h>
#include <unistd.h>
#include <sys/stat.h>
#include <sys/resource.h>
extern char **environ;
int main(int count, char **words) {
  char folder[4096];
  struct rlimit limit;
  struct stat about;
  printf("argv");
  for (int at = 0; at < count; at++) printf(" %s", words[at]);
  printf("\\nuid %d %d gid %d %d groups %d\\n", getuid(), geteuid(), getgid(), getegid(), getgroups(0, 0));
  printf("cwd %s\\n", getcwd(folder, sizeof folder));
  for (char **one = environ; *one; one++) printf("env %s\\n", *one);
  getrlimit(RLIMIT_NOFILE, &limit);
  printf("nofile %ld %ld\\n", (long)limit.rlim_cur, (long)limit.rlim_max);
  getrlimit(RLIMIT_FSIZE, &limit);
  printf("fsize %ld %ld\\n", (long)limit.rlim_cur, (long)limit.rlim_max);
  for (int at = 0; at < 64; at++)
    if (!fstat(at, &about)) printf("fd %d\\n", at);
  return 7;
}
`;

let folder: string;
let jailer: string;

beforeAll(() => {
  jailer = join(build(), "jailer");
  folder = mkdtempSync(join(tmpdir(), "jailer-test-"));
  const program = join(folder, "firecracker");
  execFileSync("cc", ["-x", "c", "-o", program, "-"], { input: PROGRAM });
  symlinkSync("firecracker", join(folder, "link"));
  mkdirSync(join(folder, "folder"));
  writeFileSync(join(folder, "file"), "");
  copyFileSync(program, join(folder, "noexec"));
  chmodSync(join(folder, "noexec"), 0o644);
  mkdirSync(join(folder, "base/firecracker/taken/root/firecracker"), { recursive: true });
  mkdirSync(join(folder, "base/firecracker/linked/root"), { recursive: true });
  symlinkSync("/nowhere", join(folder, "base/firecracker/linked/root/firecracker"));
}, 600_000);
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

async function run(words: readonly string[]): Promise<Pick<z.infer<typeof row>, "exit" | "stdout" | "stderr">> {
  const apart = ["unshare", "--net", "--mount", "--propagation", "private", jailer, ...words] as const;
  const env = { PATH: process.env.PATH, SECRET: "x" };
  const { code, stdout, stderr } = await runCommand(apart, { env, limit: 10_000 });
  return { exit: code, stdout: neutral(stdout), stderr: neutral(stderr) };
}

const neutral = (text: string): string =>
  text
    .replaceAll(`${folder}/`, "/T/")
    .replaceAll(/(--(?:start-time-us|start-time-cpu-us|parent-cpu-time-us)) \d+/g, "$1 N");

test("the jailer prints and does what was recorded, in the recorded order", async () => {
  const words = (text: string): string[] =>
    text
      .replaceAll("/T/", `${folder}/`)
      .split(" ")
      .filter((word) => word !== "");
  const answers: z.infer<typeof row>[] = [];
  for (const { case: name, arguments: given } of rows) {
    answers.push({ case: name, arguments: given, ...(await run(words(given))) });
  }
  expect(answers).toEqual(rows);
  // The real jail does not contain the machine's /usr.
  const made = execFileSync("find", ["-printf", "%M %U:%G %P\n"], {
    cwd: join(folder, "base/firecracker/ok/root"),
    encoding: "utf8",
  });
  expect(
    made
      .trimEnd()
      .split("\n")
      .filter((line) => !/ (usr|lib|lib64|proc)$/.test(line))
      .sort(),
  ).toEqual(
    [
      "drwx------ 20001:20001 ",
      "drwx------ 20001:20001 dev",
      "crw------- 20001:20001 dev/kvm",
      "drwx------ 20001:20001 dev/net",
      "crw------- 20001:20001 dev/net/tun",
      "crw------- 20001:20001 dev/urandom",
      "crw------- 20001:20001 dev/userfaultfd",
      "-rwxr-xr-x 20001:20001 firecracker",
      "-rw-r--r-- 0:0 firecracker.pid",
      "drwx------ 20001:20001 run",
    ].sort(),
  );
});
