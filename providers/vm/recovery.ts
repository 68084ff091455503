/** What the recovery keeper on a droplet gets of a clone; see droplet/keepers/recovery.sh. */
import { createHmac } from "node:crypto";
import type { Program } from "../../firecracker/programs";
import { quote } from "../../host/quote";
import type { StartFrom } from "../../plan/vm/repair";
import type { Droplet } from "../operation/droplet";
import { inOrder, type Self } from "./identity";
import { vmInputs, type VmInputs } from "./inputs";
import { programForClone } from "./programs";
import { bootsFrom, startCall } from "./startCall";
import { vmVars, wayOf } from "./vars";

/** Inputs that have no part in a restart. */
const NO_PART: ReadonlySet<string> = new Set<keyof VmInputs>([
  "droplet",
  "loginKeyPath",
  "maxUnavailable",
  "networkChangedAt",
  "renewDisk",
  "restart",
  "shutdownTimeout",
  "smokeTests",
]);
const PARTS = (Object.keys(vmInputs.shape) as (keyof VmInputs)[]).filter((key) => !NO_PART.has(key));

/**
 * Whether the keeper restarts a clone. A guest gets its identity again from its metadata, or has it on its disk, where the
 * operator put it over ssh; the keeper then compares its host key. An image's cloud-init
 * says only for another identity that its metadata can be removed.
 */
function isRecovered(wanted: VmInputs): boolean {
  if (wanted.recovery === undefined) return false;
  const method = wayOf(wanted);
  return method === "service" || (method === "ssh" && wanted.artifact.diskPath !== "");
}

/**
 * Identifies the call by which the keeper is to restart a clone; empty: it is not to. It changes with the declaration, with
 * the programs on the droplet and with the keeper's scripts. Without the clone's seed it reveals nothing.
 */
export async function recoveryMark(droplet: Droplet, wanted: VmInputs, self: Self): Promise<string> {
  if (!isRecovered(wanted)) return "";
  const inputs = Object.fromEntries(PARTS.map((key) => [key, wanted[key]]));
  const { found } = await droplet.programs.at(wanted.firecracker, wanted.jailer);
  const all = { inputs, found, scripts: droplet.session.scripts.digest };
  return createHmac("sha256", self.hostKeySeed).update(JSON.stringify(all, inOrder)).digest("hex").slice(0, 16);
}

/**
 * The order for the keeper, with the clone's identity; empty where the keeper is not to restart the clone.
 *
 * @param program the program that the clone's VMM runs
 */
export async function recoveryOrder(droplet: Droplet, wanted: VmInputs, self: Self, program: Program): Promise<string> {
  const mark = await recoveryMark(droplet, wanted, self);
  const { recovery, artifact, namespace, guestAddress } = wanted;
  if (mark === "" || recovery === undefined) return "";
  // A guest without a disk has nothing to boot from.
  const from: StartFrom = artifact.diskPath === "" ? "snapshot" : "disk";
  // The keeper works for no state, and asks nothing of a VMM that has ended.
  const { vars, stdin } = await startCall(
    droplet,
    { ...wanted, lineage: undefined, shutdownTimeout: 0 } as VmInputs,
    self,
    from,
    program,
  );
  const all = { ...vars, recovery: "", recovery_stdin: stdin };
  const text = Object.entries(all)
    .map(([name, value]) => `${name}=${quote(value)}\n`)
    .join("");
  const { budget, backoff, hung } = recovery;
  const [, hostKey = ""] = self.sshHostKey.split(" ");
  const key = wayOf(wanted) === "ssh" ? hostKey : "-";
  const head = [namespace, mark, budget, backoff, hung, guestAddress, self.generation, key, Buffer.byteLength(text)];
  return `${head.join(" ")}\n${text}`;
}

/** Hands the keeper what it restarts a running clone by, if it has something else; see {@link recoveryOrder}. */
export async function handRecovery(droplet: Droplet, wanted: VmInputs, self: Self, known = ""): Promise<void> {
  if ((await recoveryMark(droplet, wanted, self)) === known) return;
  const { diskPath } = wanted.artifact;
  const order = isRecovered(wanted)
    ? await recoveryOrder(
        droplet,
        wanted,
        self,
        await programForClone(
          droplet,
          wanted,
          bootsFrom(wanted, diskPath === "" ? "snapshot" : "disk"),
          () => undefined,
        ),
      )
    : "";
  await droplet.change(wanted.namespace, {
    what: `hand over how ${wanted.name} is restarted`,
    run: "hand_recovery",
    vars: { ...vmVars(wanted), recovery: order },
  });
}
