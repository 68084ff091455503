import type { VarsOf } from "../../host/session/calls";
import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { HornetError, messageOf } from "../../host/errors";
import type { Session } from "../../host/session/session";
import { expandHome } from "../../host/ssh/options";
import { tarOf } from "./tar";

/** An agent's files as one tar archive. */
export interface AgentArchive {
  readonly tar: Buffer;
  /** sha256 of the archive, hexadecimal. */
  readonly digest: string;
}

/**
 * Reads an agent: a folder, or an archive made by tar, gzipped or not.
 *
 * @param path on the operator's machine; may start with `~/`
 * @throws HornetError if it cannot be read
 */
export function readAgent(path: string): AgentArchive {
  try {
    const file = expandHome(path);
    const tar = statSync(file).isDirectory() ? tarOf(file) : unpacked(readFileSync(file));
    return { tar, digest: createHash("sha256").update(tar).digest("hex") };
  } catch (error) {
    throw new HornetError(`cannot read the agent, ${path} (hornet:agent.source): ${messageOf(error)}`);
  }
}

function unpacked(bytes: Buffer): Buffer {
  // gzip's magic number (RFC 1952).
  const tar = bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes;
  if (tar.toString("latin1", 257, 262) !== "ustar") throw new Error("it is neither a folder nor a .tar nor a .tar.gz");
  return tar;
}

/**
 * Sends an agent to a droplet, where the next boot in the scratch namespace copies it to the disk.
 *
 * @param vars the variables that name that namespace
 * @param digest the agent's digest when the program ran
 */
export async function sendAgent(
  session: Session,
  vars: VarsOf<"stage_agent">,
  { path, digest }: { readonly path: string; readonly digest: string },
): Promise<void> {
  const agent = readAgent(path);
  if (agent.digest !== digest)
    throw new HornetError(`the agent in ${path} changed meanwhile`, { next: "run up again" });
  const stream = await session.stream({
    what: "bring the agent to the droplet",
    run: "stage_agent",
    vars: { ...vars },
  });
  stream.input.end(agent.tar);
  await stream.ended;
}
