import { HornetError, messageOf } from "../../host/errors";
import type { Droplet } from "../operation/droplet";
import type { VmInputs, VmOutputs } from "./inputs";
import { vmVars } from "./vars";

/** A clone's move from one snapshot to another. */
export interface Move {
  /** What it was, and goes back to where the move fails. */
  readonly from: VmInputs;
  readonly to: VmInputs;
  /** The clone's disk goes along: it boots under the new VMM, kernel or machine, and boots again under the old ones on failure. */
  readonly keepsDisk: boolean;
  /** Starts it from the new snapshot on a new disk, or from its own disk; resolves once it is ready and its smoke tests passed. */
  readonly start: () => Promise<VmOutputs>;
  /** Starts it again as it was, from the disk that it had; resolves once it is ready. */
  readonly startOld: () => Promise<unknown>;
}

/**
 * Moves a clone to another snapshot when it is its turn. Its old disk waits aside until the new VM has proved itself.
 *
 * @throws HornetError that says why the new one failed, and what became of the clone
 */
export function roll(droplet: Droplet, move: Move): Promise<VmOutputs> {
  const { to } = move;
  return droplet.rollQueueOf(to, to.artifact.digest).take(to.name, to.maxUnavailable, () => goAndReturn(droplet, move));
}

async function goAndReturn(droplet: Droplet, { from, to, keepsDisk, start, startOld }: Move): Promise<VmOutputs> {
  // A disk that an earlier move put aside, and never brought back, is the clone's own.
  if (keepsDisk) await putBack(droplet, from);
  else await diskCall(droplet, from, "put the disk aside of", "set_aside");
  let outputs: VmOutputs;
  try {
    outputs = await start();
  } catch (error) {
    const [old, wanted] = [from.artifact.digest, to.artifact.digest];
    const why = `${to.name} did not come up on ${wanted}: ${messageOf(error)}`;
    try {
      await putBack(droplet, from);
      await startOld();
    } catch (second) {
      throw new HornetError(why, {
        details: [`and going back to ${old} failed too: ${messageOf(second)}`],
        next: "run up again: it goes back then",
      });
    }
    throw new HornetError(why, {
      details: [`${to.name} runs ${old} again, with the disk that it had; the others were left as they were`],
    });
  }
  if (!keepsDisk) await diskCall(droplet, to, "drop the old disk of", "drop_aside");
  return outputs;
}

/** Puts the disk back that a move which was cut off has left aside; where there is none, nothing happens. */
export async function putBack(droplet: Droplet, vm: VmInputs): Promise<void> {
  await diskCall(droplet, vm, "put the disk back of", "put_back");
}

async function diskCall(
  droplet: Droplet,
  vm: VmInputs,
  what: string,
  run: "set_aside" | "put_back" | "drop_aside",
): Promise<void> {
  await droplet.change(vm.namespace, {
    what: `${what} ${vm.name}`,
    run,
    vars: { ...vmVars(vm), shutdown_ms: String(Math.round(vm.shutdownTimeout * 1000)) },
    timeoutMs: (60 + vm.vmmTimeout + vm.shutdownTimeout) * 1000,
  });
}
