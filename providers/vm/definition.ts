import { isDeepStrictEqual } from "node:util";
import { devicesOf, furtherTaps } from "../../firecracker/devices";
import { newGeneration } from "../../firecracker/identity";
import { isAsGood } from "../../firecracker/manifest";
import { hostKeyOf, newHostKeySeed } from "../../firecracker/hostkey";
import { parsePrograms, programWords } from "../../firecracker/programs";
import { keepsDisk } from "../../firecracker/recipe";
import { resumeRequest } from "../../firecracker/requests";
import { hasNoDisk, livesOnDisk, planVm, type VmPlan, type VmSpec } from "../../plan/vm/repair";
import { cleanUpAfter } from "../kit/cleanUpAfter";
import { owned } from "../kit/owned";
import type { Droplet } from "../operation/droplet";
import { keptAfter } from "./guestError";
import { putBack, roll } from "./roll";
import { parseManifest, readManifest } from "../artifact/manifests";
import { runSmokeTests } from "./smokeTests";
import { vmInputs, vmOutputs, type VmInputs, type VmOutputs } from "./inputs";
import { IDENTITY, toldMark, vmFault, type Self } from "./identity";
import { awaitReady, send, sendIdentity, startVm, type StartFrom } from "./start";
import { vmVars, wayOf } from "./vars";

type State = VmInputs & VmOutputs;

async function create(droplet: Droplet, wanted: VmInputs): Promise<VmOutputs> {
  const hostKeySeed = newHostKeySeed();
  const self = {
    sshHostKey: hostKeyOf(hostKeySeed, wanted.name).publicKey,
    hostKeySeed,
    generation: newGeneration(),
  };
  const found = await lookAt(droplet, wanted);
  if (found.left) return takeUp(droplet, wanted, self, found);
  return cleanUpAfter(
    () => start(droplet, wanted, self, "snapshot"),
    (failure) => remove(droplet, { ...wanted, shutdownTimeout: 0 }, keptAfter(failure)),
  );
}

/** The Firecracker that a launch record names, in words; empty where it names none. */
function vmmOf(record: Readonly<Record<string, string>> | undefined): string {
  const [program] = parsePrograms(record?.vmm ?? "").found;
  return program === undefined ? "" : programWords(program);
}

/** What is there of a VM, and the least that brings it to what is declared. */
interface Finding {
  /** A VM or a disk of this clone is there. */
  readonly left: boolean;
  readonly plan: VmPlan;
  /** What a start would be from. */
  readonly from: StartFrom;
  readonly pid: number;
  readonly paused: boolean;
  /** What its guest was told last; empty where nobody noted it. */
  readonly generation: string;
  /** The Firecracker that runs it; see {@link vmmOf}. */
  readonly vmm: string;
}

function specOf(wanted: VmInputs, self?: Self): VmSpec {
  const { namespace, tap, artifact } = wanted;
  const told = self && toldMark(wanted, self);
  const further = furtherTaps(devicesOf(artifact).interfaces, tap).map((one) => one.tap);
  return {
    namespace,
    tap,
    ...(further.length > 0 && { furtherTaps: further }),
    digest: artifact.digest,
    key: artifact.key,
    ...(told !== undefined && { told }),
  };
}

/** @param self as the state has it; left out, nobody knows what its guest was told */
async function lookAt(droplet: Droplet, wanted: VmInputs, self?: Self): Promise<Finding> {
  const { namespace } = wanted;
  const observed = await droplet.observeToChange(wanted, namespace);
  const vm = observed.vms[namespace];
  const plan = planVm(specOf(wanted, self), observed);
  // A snapshot's memory goes with the snapshot's disk: restored over a disk that lived on, it would corrupt it. So a
  // clone that keeps its disk boots from it.
  const lived = livesOnDisk(vm);
  if (vm?.alive === true && !vm.recorded) await around(droplet, wanted, "find the VMM again of", "recover_vmm");
  const generation = vm?.record.generation ?? "";
  const paused = vm?.state === "Paused";
  // A guest without a disk lives on while its VMM does.
  const left = lived || (vm?.alive === true && hasNoDisk(vm));
  return {
    left,
    plan,
    from: lived ? "disk" : "snapshot",
    pid: vm?.pid ?? 0,
    paused,
    generation,
    vmm: vmmOf(vm?.record),
  };
}

/**
 * Takes up a clone that an earlier run of this stack made and no state knows: a run that was cut off, or a state that
 * was lost. Its disk, and where it runs its guest, live on; it gets a new host key, since the old one is known to no one.
 */
async function takeUp(
  droplet: Droplet,
  wanted: VmInputs,
  self: Self,
  { plan, from, pid, vmm }: Finding,
): Promise<VmOutputs> {
  if (plan.action === "restart" || wayOf(wanted) === "cloud-init") return start(droplet, wanted, self, from);
  if (plan.mend) await around(droplet, wanted, "put files and mounts right of", "mend_vm");
  droplet.touch(wanted.namespace);
  await sendIdentity(droplet, wanted, self, { known: false, then: [resumeRequest] });
  return settle(droplet, wanted, self, { pid, disk: "kept", timings: {}, vmm });
}

async function start(droplet: Droplet, wanted: VmInputs, self: Self, from: StartFrom): Promise<VmOutputs> {
  const work = async (): Promise<VmOutputs> => {
    const started = await droplet.changing(wanted.namespace, () => startVm(droplet, wanted, self, from));
    return settle(droplet, wanted, self, started);
  };
  // Where nobody waits for the guest, nobody knows when it is awake.
  if (wanted.readyTimeout === 0) return work();
  return droplet.bootThrottle.run(wanted.readyTimeout * 1000, work);
}

type Running = Pick<VmOutputs, "pid" | "disk" | "timings" | "vmm">;

async function settle(droplet: Droplet, wanted: VmInputs, self: Self, running: Running): Promise<VmOutputs> {
  const identityMethod = wayOf(wanted);
  if (wanted.readyTimeout === 0) return { ...self, ...running, identityMethod, ready: false };
  const timings = { ...running.timings, ready: await awaitReady(droplet, wanted, self) };
  await runSmokeTests(droplet, wanted, self.sshHostKey, wanted.smokeTests);
  await settled(droplet, wanted);
  return { ...self, ...running, identityMethod, ready: true, timings };
}

/** Notes on the droplet that nothing is waited for any more. */
async function settled(droplet: Droplet, wanted: VmInputs): Promise<void> {
  const what = `note that ${wanted.name} is as it should be`;
  await droplet.call({ what, run: "settle_vm", vars: vmVars(wanted) });
}

/** Mends or changes a VM with the least harm: the guest lives on wherever it can, and so does its disk. */
async function update(droplet: Droplet, state: State, wanted: VmInputs): Promise<VmOutputs> {
  const { plan, from, pid: running, paused, generation, vmm } = await lookAt(droplet, wanted, state);
  const next = { ...pickSelf(state), generation: newGeneration() };
  if (!isAsGood(state.artifact, wanted.artifact) || state.renewDisk !== wanted.renewDisk) {
    const sameDisk = state.renewDisk === wanted.renewDisk && from === "disk";
    const upgrade = sameDisk && (await isUpgrade(droplet, wanted, state.artifact));
    return roll(droplet, {
      from: state,
      to: wanted,
      keepsDisk: upgrade,
      start: () => start(droplet, wanted, next, upgrade ? "disk" : "snapshot"),
      startOld: () => {
        const old = { ...next, generation: newGeneration() };
        return start(droplet, { ...state, smokeTests: [] }, old, state.artifact.diskPath === "" ? "snapshot" : "disk");
      },
    });
  }
  if (plan.action === "restart") await putBack(droplet, wanted);
  const untold = plan.action === "identify";
  if (plan.action === "restart" || (untold && wayOf(wanted) !== "ssh")) return start(droplet, wanted, next, from);
  if (plan.mend || state.artifact.digest !== wanted.artifact.digest) {
    await around(droplet, wanted, "put files and mounts right of", "mend_vm");
  }
  droplet.touch(wanted.namespace);
  const tell = plan.action === "tell" || IDENTITY.some((key) => !isDeepStrictEqual(state[key], wanted[key]));
  if (tell && wayOf(wanted) === "cloud-init") return start(droplet, wanted, next, from);
  if (tell || untold) {
    const resume = untold || paused ? [resumeRequest] : [];
    await sendIdentity(droplet, wanted, next, { known: !untold, then: resume });
    const { pid, disk, timings, vmm } = state;
    return settle(droplet, wanted, next, { pid, disk, timings, vmm });
  }
  if (paused) await send(droplet, wanted, `resume ${wanted.name}`, { requests: [resumeRequest] });
  if (plan.action !== "settle") {
    await prove(droplet, wanted, state.sshHostKey);
    return pick(state);
  }
  // An earlier operation started it, and what it told its guest is in no state.
  const { disk, timings } = state;
  if (wanted.readyTimeout === 0) await settled(droplet, wanted);
  return settle(droplet, wanted, { ...pickSelf(state), generation }, { pid: running, disk, timings, vmm });
}

/**
 * Tries a clone that was changed under a guest that lives on. What fails is noted on the droplet: a change that succeeded is
 * not there to be done again, so nobody would try it again.
 */
export async function prove(droplet: Droplet, wanted: VmInputs, hostKey: string): Promise<void> {
  if (wanted.readyTimeout === 0) return;
  const noting = `note that ${wanted.name} is not as it should be`;
  await cleanUpAfter(
    () => runSmokeTests(droplet, wanted, hostKey, wanted.smokeTests),
    () => droplet.change(wanted.namespace, { what: noting, run: "unsettle_vm", vars: vmVars(wanted) }),
    "noting that",
  );
}

/** Whether the artifact is another one only because the VMM, the machine or the guest's kernel is; see {@link keepsDisk}. */
async function isUpgrade(droplet: Droplet, wanted: VmInputs, before: VmInputs["artifact"]): Promise<boolean> {
  const { session } = droplet;
  const [was, now] = await Promise.all(
    [before, wanted.artifact].map(async ({ folder }) => ({ folder, text: await readManifest(session, folder) })),
  );
  if (was === undefined || now === undefined || was.text === "" || now.text === "") return false;
  return keepsDisk(parseManifest(was.text, was.folder), parseManifest(now.text, now.folder));
}

/** Does something around a VM that lives on. */
async function around(droplet: Droplet, wanted: VmInputs, what: string, run: "recover_vmm" | "mend_vm"): Promise<void> {
  const vars = { ...vmVars(wanted), disk_path: wanted.artifact.diskPath };
  await droplet.change(wanted.namespace, { what: `${what} ${wanted.name}`, run, vars });
}

function pickSelf({ sshHostKey, hostKeySeed, generation }: Self): Self {
  return { sshHostKey, hostKeySeed, generation };
}

function pick(state: State): VmOutputs {
  return vmOutputs.parse(state);
}

/** @param kept what stays of its files; see keptAfter */
async function remove(droplet: Droplet, state: VmInputs, kept: { readonly keep_console?: string } = {}): Promise<void> {
  await droplet.change(state.namespace, {
    what: `take away the VM of ${state.namespace}`,
    run: "delete_vm",
    vars: { ...vmVars(state), ...kept, shutdown_ms: String(Math.round(state.shutdownTimeout * 1000)) },
    timeoutMs: (60 + state.vmmTimeout + state.shutdownTimeout) * 1000,
  });
}

/** One VMM process in a clone's namespace, with a disk of its own, told who it is before it runs. */
export const definition = owned<VmInputs, VmOutputs>({
  kind: "FirecrackerVM",
  inputs: vmInputs,
  outputs: vmOutputs,
  replaceOn: ["droplet", "owner", "runtimeDir", "namespace"],
  id: ({ namespace }) => namespace,
  fault: vmFault,
  create,
  read: async (droplet, state) => {
    const observed = await droplet.observe(state, state.namespace);
    const claimed = observed.claims.some(({ name, owner }) => name === state.namespace && owner === state.owner);
    if (!claimed) return "gone";
    const { drift } = planVm(specOf(state, state), observed);
    const vm = observed.vms[state.namespace];
    return {
      outputs: {
        ...pick(state),
        identityMethod: wayOf(state),
        pid: vm?.alive === true ? vm.pid : 0,
        vmm: vmmOf(vm?.record),
      },
      drift,
    };
  },
  update,
  delete: (droplet, state) => remove(droplet, state),
});
