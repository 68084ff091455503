import { digestHex } from "../../model/layout";
import type { Session } from "../../host/session/session";

/** A record on a droplet that a fleet passed with a snapshot: a line "OWNER TIME KERNEL"; older ones have no kernel. */
export interface Proof {
  readonly owner: string;
  /** The droplet's kernel (/proc/sys/kernel/osrelease) under which it passed; empty if an older Hornet wrote the record. */
  readonly kernel: string;
}

/**
 * Reads the proofs of a snapshot.
 *
 * @param runtimeDir the folder of the fleets that may have proved it
 */
export async function readProofs(session: Session, runtimeDir: string, digest: string): Promise<Proof[]> {
  const text = await session.call({
    what: "ask for the proof of a snapshot",
    run: "read_proofs",
    vars: { runtime_dir: runtimeDir, digest: digestHex(digest) },
  });
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [owner = "", , kernel = ""] = line.split(" ");
      return { owner, kernel };
    });
}
