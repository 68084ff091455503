import { appendFileSync, copyFileSync } from "node:fs";

/**
 * Copies the stand-in, or the stub, as another version of Firecracker. The program says so itself, by a last line in its
 * file: it holds under any name, in a jail, with any environment.
 * @param version such as `1.17.0`
 * @param format its snapshot format, such as `12.0.0`; without one it is that of Firecracker's own release
 */
export function copyAsVersion(program: string, to: string, version: string, format = ""): void {
  copyFileSync(program, to);
  appendFileSync(to, `\nstand-in-version=${version} ${format}\n`);
}

/** Lets a copy of the stub print this text when its guest starts or resumes: it stands for what a guest would say on its console. */
export function giveWords(program: string, text: string): void {
  appendFileSync(program, `\nstand-in-says=${text}\n`);
}
