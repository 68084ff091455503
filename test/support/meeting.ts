import { rmSync } from "node:fs";

let meetings = 0;
const folder = `/tmp/hornet-meetings-${process.pid}`;

/**
 * Shell code that goes on once so many shells run it at the same time, or after 60 s: on a busy machine a call with a fixed pause
 * was over before the next lane was open.
 */
export function meeting(shells: number): string {
  const place = `${folder}/${++meetings}`;
  return `mkdir -p ${place} && : >${place}/$$; for i in {1..1200}; do set -- ${place}/*; (($# < ${shells})) || break; sleep 0.05; done`;
}

/** Removes what the meetings left on this machine, and in a droplet. */
export async function endMeetings(run: (script: string) => Promise<unknown>): Promise<void> {
  await run(`rm -rf ${folder}`);
  rmSync(folder, { recursive: true, force: true });
}
