import { median } from "../report/measurements";
import { guestStage, type Context, type Part } from "../support/context";
import { drive } from "../support/drives";
import type { DriveRequest, DriveResult } from "../support/driveTypes";
import { settle } from "../support/stage";

/** Seconds that a guest may take; emulated ones are slow together. */
const READY = 300;

/**
 * The cost of an identity for a guest: the same image on the VMM stand-in, once with the identity service, which waits
 * for the clone's identity, and once booted without it, so that its ssh server is ready in the snapshot
 * with the template's key. Times count from each clone's resume until Hornet finds it ready, and until the other one
 * has shown that key to a process that asks for it; clone by clone, and all at once.
 */
export const identity: Part = async (context, run) => {
  const { name, connection } = await guestStage(context);
  const base = { droplet: connection, firecracker: "/usr/bin/firecracker" };
  const told: Omit<DriveRequest, "count"> = {
    ...base,
    source: { boot: { name: `hornet-guest-${run}`, timeout: READY } },
    readyTimeout: READY,
  };
  const untold: Omit<DriveRequest, "count"> = {
    ...base,
    source: { boot: { name: `untold-guest-${run}`, timeout: READY, bootArgs: "hornet.identity=none" } },
    readyTimeout: 0,
    untold: name,
  };
  // A new snapshot for each run: the moment of the snapshot within the guest's boot matters most.
  context.say("booting the guests of both snapshots");
  for (const one of [told, untold]) await drive({ ...one, count: 0, snapshotOnly: true });
  const count = context.options.guests;
  for (const inTurn of [true, false]) {
    const sides = [
      async () => add(context, inTurn, "hornet", "ready", await drive({ ...told, count, inTurn })),
      async () => add(context, inTurn, "untold", "ssh", await drive({ ...untold, count, inTurn })),
    ];
    context.say(`${count} guests become themselves, or nobody, ${inTurn ? "in turn" : "at once"}`);
    for (const side of run % 2 === 0 ? sides : sides.reverse()) {
      await side();
      await settle();
    }
  }
};

function add({ results }: Context, inTurn: boolean, side: string, phase: string, { clones }: DriveResult): void {
  const values = clones.map(({ timings }) => timings[phase] ?? NaN);
  results.add(`identity.${side}.${inTurn ? "turn" : "once"}`, "ms", median(values));
}
