import { spawn } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Runs `work` when nothing else on this machine runs under the same lock file.
 * The lock belongs to a flock(1) that runs as long as its stdin is open, so the kernel releases it after a crash.
 */
export async function withLock<T>(file: string, work: () => Promise<T>): Promise<T> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const holder = spawn("flock", [file, "sh", "-c", "echo locked; exec cat"], { stdio: ["pipe", "pipe", "inherit"] });
  const ended = new Promise<void>((done) => holder.on("close", () => done()));
  await new Promise<void>((locked, fail) => {
    holder.stdout.once("data", () => locked());
    holder.on("error", (error) => fail(new Error(`flock could not be started (package util-linux): ${error.message}`)));
    holder.on("exit", (code) =>
      fail(new Error(`the lock ${file} could not be taken: flock ended with ${code ?? 128}`)),
    );
  });
  try {
    return await work();
  } finally {
    holder.stdin.end();
    await ended;
  }
}
