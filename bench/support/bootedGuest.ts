import { guestStage, type Context } from "./context";
import { drive } from "./drives";
import type { DriveRequest } from "./driveTypes";

/** Seconds that a guest may take; emulated ones are slow. */
const READY = 300;

/** The droplet's name, and a drive on it without a number of clones. */
export interface BootedGuest {
  readonly droplet: string;
  readonly base: Omit<DriveRequest, "count">;
}

/** Drives that restore real guests from a snapshot of one boot, which the first run makes. */
export async function bootedGuest(context: Context, run: number): Promise<BootedGuest> {
  const { name, connection } = await guestStage(context);
  const base = {
    droplet: connection,
    source: { boot: { name: "hornet-guest", timeout: READY } },
    firecracker: "/usr/bin/firecracker",
    readyTimeout: READY,
  };
  if (run === 0) {
    context.say("booting the guest of the snapshot");
    await drive({ ...base, count: 0, snapshotOnly: true });
  }
  return { droplet: name, base };
}
