import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "hornet-processes-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const PROGRAM = `#include <pthread.h>
#include <unistd.h>
static void *stay(void *nothing) { for (;;) pause(); return nothing; }
int main(void) { pthread_t other; pthread_create(&other, 0, stay, 0); pthread_exit(0); }
`;

/** Whether the library takes a process for one that has not ended. */
function lives(pid: number): boolean {
  const script = `. "$0" && start_time "$1" >/dev/null && printf yes || printf no`;
  const library = join(__dirname, "common.sh");
  return execFileSync("bash", ["-c", script, library, String(pid)], { encoding: "utf8" }) === "yes";
}

test("if one of several files cannot be read, the readers of the others end", () => {
  const endless = join(folder, "endless");
  execFileSync("mkfifo", [endless]);
  const script = `. "$0/core/common.sh" && . "$0/artifact/artifact.sh" && printf '%s\\n' "$1" "$2" | hash_files`;
  const argv = ["-c", script, join(__dirname, ".."), join(folder, "nowhere"), endless];
  const { status } = spawnSync("bash", argv, { stdio: "ignore" });
  const readers = readdirSync("/proc").filter((pid) => argumentsOf(pid).includes(endless));
  for (const pid of readers) process.kill(Number(pid), "SIGKILL");
  expect({ status, readers }).toEqual({ status: 1, readers: [] });
});

/** A process's arguments; none where it is gone. */
function argumentsOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  } catch {
    return [];
  }
}

test("a process runs until its last thread has ended", async () => {
  const [source, program] = [join(folder, "p.c"), join(folder, "p")];
  writeFileSync(source, PROGRAM);
  execFileSync("gcc", ["-pthread", "-o", program, source]);
  const child = spawn(program, { stdio: "ignore" });
  const { pid = 0 } = child;
  try {
    const state = (): string => readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.slice(0, 1) ?? "";
    while (state() !== "Z") await sleep(5);
    expect(lives(pid)).toBe(true);
  } finally {
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }
  expect(lives(pid)).toBe(false);
});

test("a process is recognised at every read, even while it changes between sleeping and running", async () => {
  const child = spawn("perl", ["-e", "while (1) { select(undef, undef, undef, 0.00005); for (1 .. 2000) {} }"]);
  const script = `. "$0/core/common.sh" && . "$0/core/process.sh"
    missed=0; for ((i = 0; i < 2000; i++)); do is_our_process "$1" || ((missed += 1)); done; printf '%s' "$missed"`;
  try {
    await once(child, "spawn");
    expect(execFileSync("bash", ["-c", script, join(__dirname, ".."), String(child.pid)], { encoding: "utf8" })).toBe(
      "0",
    );
  } finally {
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }
});
