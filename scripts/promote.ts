/**
 * `npm run promote -- FROM TO [--sign KEY] [--yes]`: pins the snapshot that the stack FROM has proved in the config of the
 * stack TO, and shows the difference. A person commits that and runs `pulumi up -s TO`; --yes does both.
 */
import { ARTIFACT } from "../model/layout";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { printable } from "../host/printable";
import type { Session } from "../host/session/session";
import { Sessions } from "../host/session/sessions";
import type { Manifest } from "../firecracker/manifest";
import { parseManifest, readManifest } from "../providers/artifact/manifests";
import { signManifest } from "../providers/artifact/signature";
import { LOCAL, checkout } from "../operator/localPaths";
import { fileToPin, pinIn, provedSnapshot, type ProvedSnapshot } from "../automation/promote";
import { difference } from "../automation/promote/difference";
import { pinnedDigest } from "../automation/promote/pin";
import { runPulumi, type Paths } from "../automation/cli";

const usage = "npm run promote -- FROM TO [--sign KEY] [--yes] [--cwd FOLDER], such as: npm run promote -- dev prod";

/** @returns the exit code */
export async function main(args: readonly string[], paths: Paths): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { yes: { type: "boolean" }, sign: { type: "string" }, cwd: { type: "string" } },
  });
  const [from, to] = positionals;
  if (from === undefined || to === undefined || positionals.length > 2) throw new Error(usage);
  const folder = resolve(values.cwd ?? checkout);
  process.chdir(folder);
  const file = fileToPin(to, folder);
  const sessions = new Sessions();
  try {
    const { digest, path, droplet } = await provedBy(paths, from);
    const session = sessions.of(droplet);
    const manifest = await manifestAt(session, path);
    const before = pinnedDigest(readFileSync(file, "utf8"));
    const earlier = before === undefined ? undefined : await earlierManifest(session, path, before);
    if (manifest !== undefined) {
      process.stdout.write(`${from} → ${to}\n${difference(before, digest, manifest, earlier)}`);
    } else process.stdout.write(`${printable(`${from} → ${to}: ${before ?? "nothing"} → ${digest}`)}\n`);
    if (values.sign !== undefined) await sign(session, path, values.sign);
    if (before === digest) {
      console.log(`${file} already pins it: nothing to do.`);
      return 0;
    }
    pinIn(file, digest, from);
    console.log(`pinned in ${file}`);
  } finally {
    await sessions.close();
  }
  if (values.yes !== true) {
    console.log(`next: review and commit ${file}, then pulumi up -s ${to}; to go back, revert that commit.`);
    return 0;
  }
  if (to !== LOCAL) commit(file, `Promote ${from}'s snapshot to ${to}`);
  return (await runPulumi(paths, to, ["up", "--yes", "--skip-preview", "--stack", to], { cwd: folder })).code;
}

/** Commits this one file, whatever else is staged. */
function commit(file: string, message: string): void {
  try {
    execFileSync("git", ["add", "--", file], { stdio: "inherit" });
    execFileSync("git", ["commit", "-m", message, "--", file], { stdio: "inherit" });
  } catch {
    throw new Error(`${file} is pinned, but git could not commit it: commit it yourself, then pulumi up.`);
  }
}

async function provedBy(paths: Paths, stack: string): Promise<ProvedSnapshot> {
  const { code, stdout } = await runPulumi(paths, stack, ["stack", "output", "--json", "--stack", stack], {
    capture: true,
  });
  return provedSnapshot(code === 0 ? (JSON.parse(stdout) as Record<string, unknown>) : {}, stack);
}

async function manifestAt(session: Session, path: string): Promise<Manifest | undefined> {
  const text = await readManifest(session, path);
  return text === "" ? undefined : parseManifest(text, path);
}

/** The manifest of the snapshot that is pinned now; undefined where the droplet no longer has it. */
function earlierManifest(session: Session, path: string, digest: string): Promise<Manifest | undefined> {
  return manifestAt(session, resolve(path, "..", digest.replace(/^sha256:/, "")));
}

async function sign(session: Session, path: string, key: string): Promise<void> {
  const text = await readManifest(session, path);
  if (text === "") throw new Error(`there is no ${path}/${ARTIFACT.manifest} on ${session.name} to sign.`);
  const signature = await signManifest(text, key);
  await session.call({ what: "sign a snapshot", run: "sign_artifact", vars: { path, signature } });
  console.log(printable(`signed ${path}/${ARTIFACT.manifest}`));
}
