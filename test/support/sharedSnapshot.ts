/**
 * The snapshot that the stories share: one boot makes it, and every droplet that has the same kernel and image finds it
 * by its recipe. It belongs to a stack of its own, so that no story removes it.
 */
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ownerLabel } from "../../model/owner";
import { succeed } from "./run";

const owner = ownerLabel({ organization: "shared", project: "hornet", stack: "stories" });
const NAME = "hornet-guest";

/** Copies a folder with its holes: a guest's memory is mostly zeros. */
async function copy(from: string, to: string): Promise<void> {
  await succeed(["cp", "-a", "--sparse=always", from, to], { limit: 600_000 });
}

/**
 * Keeps the only snapshot of a droplet.
 *
 * @param swarm what the droplet has as /opt/swarm
 * @param folder the folder to keep it in; what it held goes
 */
export async function keepSnapshot(swarm: string, folder: string): Promise<void> {
  const snapshots = join(swarm, "snapshots");
  const [digest, ...others] = readdirSync(snapshots).filter((name) => /^[0-9a-f]{64}$/.test(name));
  if (digest === undefined || others.length > 0)
    throw new Error(`${snapshots} has not one snapshot, but ${others.length + 1}`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  await copy(join(snapshots, digest), join(folder, digest));
  const users = join(folder, digest, ".hornet-users");
  rmSync(users, { recursive: true, force: true });
  mkdirSync(users);
  writeFileSync(join(users, owner.slice(owner.lastIndexOf(":") + 1)), `${owner}\n`);
}

/** Puts the snapshot that {@link keepSnapshot} has kept on another droplet; does nothing where none is kept. */
export async function shareSnapshot(folder: string, swarm: string): Promise<void> {
  const [digest] = existsSync(folder) ? readdirSync(folder) : [];
  if (digest === undefined) return;
  const snapshots = join(swarm, "snapshots");
  mkdirSync(snapshots);
  await copy(join(folder, digest), join(snapshots, digest));
  symlinkSync(digest, join(snapshots, NAME));
}
