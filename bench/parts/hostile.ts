import { chmodSync, copyFileSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { checkout, dropletPaths } from "../../sandbox/droplet/paths";
import { median } from "../report/measurements";
import { bootedGuest } from "../support/bootedGuest";
import type { Context, Part } from "../support/context";
import { drive } from "../support/drives";
import type { DriveRequest, DriveResult } from "../support/driveTypes";
import { settle } from "../support/stage";

/** The id of the hostile clone. */
const HOSTILE = 200;
const FOLDER = `/opt/swarm/runtime/vm${HOSTILE}`;

/**
 * A guest alone, and beside a VMM that computes without end in four processes, once with a limit of half a core and once with the
 * default limits, which leave CPU time free. Times count from the guest's resume until it answers ssh as itself.
 */
export const hostile: Part = async (context, run) => {
  const { droplet, base } = await bootedGuest(context, run);
  const program = putHostile(droplet, context.paths.firecracker);
  const alone: DriveRequest = { ...base, count: 1 };
  const beside = (limits: object): DriveRequest => ({
    ...alone,
    beside: { id: HOSTILE, firecracker: program, limits },
    // It computes once this file is there.
    inspect: `touch ${FOLDER}/jail/root${FOLDER}/go`,
  });
  const sides = [
    ["quiet", alone],
    ["limited", beside({ cpus: 0.5 })],
    ["free", beside({})],
  ] as const;
  for (const [side, request] of run % 2 === 0 ? sides : sides.toReversed()) {
    context.say(`a guest ${side === "quiet" ? "alone" : `beside a hostile VMM, ${side}`}`);
    add(context, side, await drive(request));
    await settle();
  }
};

/** Puts the program into the droplet, with a jailer beside it, and returns its path there. */
function putHostile(droplet: string, firecracker: string): string {
  const { opt } = dropletPaths(droplet);
  const folder = join(opt, "hostile");
  mkdirSync(folder, { recursive: true });
  copyFileSync(join(checkout, "test/support/hostileVmm.pl"), join(folder, "firecracker-cpu"));
  copyFileSync(join(dirname(firecracker), "jailer"), join(folder, "jailer"));
  chmodSync(join(folder, "firecracker-cpu"), 0o755);
  return "/opt/hostile/firecracker-cpu";
}

function add({ results }: Context, side: string, { clones }: DriveResult): void {
  results.add(`hostile.${side}`, "ms", median(clones.map(({ timings }) => timings.ready ?? NaN)));
}
