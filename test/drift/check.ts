import { clears, leftBy } from "../chaos/converge";
import { plainFleet, type Declaration } from "../chaos/jobs";
import { succeed } from "../chaos/operations";
import type { Stage } from "../chaos/stage";
import type { Drift } from "./kind";
import { metricsFolder } from "./metrics";

/** The fleet for drift: two clones, metrics, every kind of rule for the first one, and names for the second one. */
export const fleet: Declaration = {
  ...plainFleet,
  publish: [80],
  egress: ["10.0.0.0/24"],
  names: ["*.drift.test", "*.api.drift.test:443/tcp"],
  metrics: metricsFolder,
  limits: { cpus: 2 },
  rates: { network: { rx: "100mbit" }, disk: { bytes: "50MiB" } },
};

const MARK = "kept";

/** Pid and start time of a VMM, which must not change under a running clone. */
async function lives(stage: Stage): Promise<{ vm0: string; vm1: string }> {
  const [vm0 = "", vm1 = ""] = (
    await stage.run(
      "for c in vm0 vm1; do read -r p s _ </opt/swarm/runtime/$c/vmm.pid; " +
        "[[ $(cut -d' ' -f22 /proc/$p/stat) == $s ]]; echo $p $s; done",
    )
  ).split("\n");
  return { vm0, vm1 };
}

/** The clones whose uid, link and process differ. The link alone leads to the VMM of a clone that lost its folder. */
async function unlinkedUids(stage: Stage): Promise<string[]> {
  const text = await stage.run(
    "for c in vm0 vm1; do d=/opt/swarm/runtime/$c; read -r p _ <$d/vmm.pid; read -r u <$d/uid; " +
      "[[ $(readlink /run/hornet-uids/$u) == $d && $(stat -c %u /proc/$p) == $u ]] || echo $c; done; " +
      "(($(ls /run/hornet-uids | wc -l) == 2)) || ls -l /run/hornet-uids",
  );
  return text.split("\n").filter((line) => line !== "");
}

/** Causes one drift, reads it, and repairs it by one up. Returns the differences from the table as a message. */
export async function tryDrift(stage: Stage, drift: Drift): Promise<string[]> {
  const { make, says, restarts = false, everyClone = false, losesDisk = false, check, undo } = drift;
  const disk = "/opt/swarm/runtime/vm0/rootfs.ext4";
  await stage.run(`printf ${MARK} | dd of=${disk} conv=notrunc bs=1 seek=4096 status=none`);
  const before = await lives(stage);
  await befall(stage, make);
  const read = await stage.operate("read", fleet);
  if (read.died) return ["the read died"];
  const wrong = [...read.errors];
  for (const [resource, words] of Object.entries(says)) {
    const said = read.conditions[resource] ?? "nothing";
    if (!matches(said, words)) wrong.push(`${resource}: it says "${said}" and not "${words}"`);
  }
  const up = await stage.operate("up", fleet);
  if (up.died) return [...wrong, "the up died"];
  wrong.push(...up.errors);
  if (wrong.length > 0) return wrong;
  const again = await stage.operate("read", fleet);
  if (again.died) return ["the second read died"];
  for (const [resource, condition] of Object.entries(again.conditions)) {
    if (condition !== "as declared") wrong.push(`${resource} after the up: ${condition}`);
  }
  const after = await lives(stage);
  if ((after.vm0 !== before.vm0) !== restarts) {
    wrong.push(restarts ? "the VMM of vm0 was not restarted" : "the VMM of vm0 was restarted");
  }
  if ((after.vm1 !== before.vm1) !== everyClone) {
    wrong.push(everyClone ? "the VMM of vm1 was not restarted" : "the VMM of vm1 was restarted");
  }
  wrong.push(...(await unlinkedUids(stage)).map((line) => `uids of jails: ${line}`));
  const kept = (await stage.run(`dd if=${disk} bs=1 skip=4096 count=${MARK.length} status=none`)) === MARK;
  if (kept === losesDisk) wrong.push(kept ? "the disk of vm0 is the old one" : "the disk of vm0 lost its content");
  if (check !== undefined) await stage.run(check);
  if (undo !== undefined) await stage.run(undo);
  return wrong;
}

/** Causes one drift and destroys without an up before. Returns the leftovers as a message. */
export async function tryDestroy(stage: Stage, { make, undo }: Drift): Promise<string[]> {
  await succeed(stage, "up", fleet);
  await befall(stage, make);
  const wrong = await clears(stage, fleet);
  if (undo === undefined) return wrong;
  await stage.run(undo);
  return leftBy("destroy", await stage.changes());
}

/** Causes a drift. */
export async function befall(stage: Stage, make: string): Promise<void> {
  if (make === "reboot") await stage.reboot();
  else await stage.run(make);
}

function matches(said: string, words: string): boolean {
  const known = words.replaceAll("; …", "…").split("…");
  const escaped = known.map((part) => part.replaceAll(/[.*+?^${}()|[\]\\/]/g, "\\$&"));
  return new RegExp(`^${escaped.join(".*")}$`).test(said);
}
