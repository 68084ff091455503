import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { identityText, type Identity } from "../firecracker/identity";
import { guestAddress, type Guest } from "./testing";

/** Identities and ssh logins for the tests of this folder. */

const exec = promisify(execFile);

/** A key pair: the private key's file and text, the public line. */
export interface KeyPair {
  readonly file: string;
  readonly secret: string;
  readonly line: string;
}

/** A fresh key pair in a folder. */
export async function keyPair(folder: string, name: string): Promise<KeyPair> {
  const file = join(folder, name);
  await exec("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", file]);
  return { file, secret: await readFile(file, "utf8"), line: (await readFile(`${file}.pub`, "utf8")).trim() };
}

/** A login to a guest: user, key, and the only accepted host key. */
export interface Login {
  readonly user?: string;
  readonly userKey: string;
  readonly hostKey: string;
}

/** Runs a command in the guest over ssh with a pinned host key; returns its stdout and stderr. */
export async function ssh(guest: Guest, login: Login, command: string): Promise<string> {
  const known = join(guest.folder, "known_hosts");
  await writeFile(known, `${guestAddress} ${login.hostKey}\n`);
  const named = ["BatchMode=yes", "StrictHostKeyChecking=yes", "IdentitiesOnly=yes", `UserKnownHostsFile=${known}`];
  const options = ["-F", "none", "-i", login.userKey, ...named.flatMap((option) => ["-o", option])];
  const to = `${login.user ?? "root"}@${guestAddress}`;
  const { code, output } = await guest.inside(["ssh", ...options, to, command]);
  if (code !== 0) throw new Error(`ssh: exit code ${code}: ${output}`);
  return output;
}

/** The identity of a clone of that name, for a user and a host whose keys are in a folder. */
export function identityFor(name: string, host: KeyPair, user: KeyPair): Identity {
  return {
    generation: randomBytes(8).toString("hex"),
    hostname: name,
    machineId: randomBytes(16).toString("hex"),
    hostKey: host.secret,
    authorizedKeys: [user.line],
    user: "root",
    env: { AGENT_ID: name },
  };
}

/** Gives a guest its identity by metadata and waits until it is ready; returns its console. */
export async function tell(guest: Guest, identity: Identity): Promise<string> {
  await guest.put(`${identityText(identity)}clock=${(Date.now() / 1000).toFixed(3)}\n`);
  return guest.waitConsole(new RegExp(`hornet-identity: ready ${identity.generation}`));
}
