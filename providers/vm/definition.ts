import { devicesOf, furtherTaps, memoryOf, ratedDevices } from "../../firecracker/devices";
import { newGeneration } from "../../firecracker/identity";
import { hostKeyOf, newHostKeySeed } from "../../firecracker/hostkey";
import { parsePrograms, programWords } from "../../firecracker/programs";
import { keepsDisk } from "../../firecracker/recipe";
import { resumeRequest } from "../../firecracker/requests";
import type { ObservedVm } from "../../model/observed";
import { recoveryWords } from "../../plan/vm/ended";
import { diskOf, limitLines } from "../../plan/vm/limits";
import {
  planRepair,
  vmDrift,
  type Desired,
  type Recorded,
  type Repair,
  type StartFrom,
  type VmSpec,
} from "../../plan/vm/repair";
import { cleanUpAfter } from "../kit/cleanUpAfter";
import type { Definition } from "../kit/definition";
import { owned } from "../kit/owned";
import type { Droplet } from "../operation/droplet";
import { keptAfter } from "./guestError";
import { listed } from "./listed";
import { putBack, roll } from "./roll";
import { parseManifest, readManifest } from "../artifact/manifests";
import { runSmokeTests } from "./smokeTests";
import { vmInputs, vmOutputs, type VmInputs, type VmOutputs } from "./inputs";
import { identityDigest, vmFault, type Self } from "./identity";
import { changesRates, setRates } from "./rates";
import { awaitReady, send, sendIdentity, startVm } from "./start";
import { isJailed } from "./jail";
import { handRecovery, recoveryMark } from "./recovery";
import { vmVars, wayOf } from "./vars";

type State = VmInputs & VmOutputs;

/** What the repairs of a clone work with. */
interface Clone {
  readonly droplet: Droplet;
  readonly wanted: VmInputs;
  /** Its identity with a generation of its own, in case that the guest gets another one. */
  readonly self: Self;
  /** What the droplet shows of its VM. */
  readonly found: ObservedVm | undefined;
}

async function create(droplet: Droplet, wanted: VmInputs): Promise<VmOutputs> {
  const hostKeySeed = newHostKeySeed();
  const sshHostKey = hostKeyOf(hostKeySeed, wanted.name).publicKey;
  return repair(droplet, wanted, { sshHostKey, hostKeySeed, generation: newGeneration() });
}

function update(droplet: Droplet, state: State, wanted: VmInputs): Promise<VmOutputs> {
  return repair(droplet, wanted, { ...pickSelf(state), generation: newGeneration() }, state);
}

/**
 * Brings a clone's VM to what is declared; see plan/vm/repair.ts.
 *
 * @param state what the engine's state has of the clone; undefined in a create
 */
async function repair(droplet: Droplet, wanted: VmInputs, self: Self, state?: State): Promise<VmOutputs> {
  const { namespace } = wanted;
  const observed = await droplet.observeToChange(wanted, namespace);
  const found = observed.vms[namespace];
  const clone = { droplet, wanted, self, found };
  const jail = await isJailed(droplet, wanted, found?.record.vmm);
  const plan = planRepair({ ...desiredOf(wanted, state), jail }, state && recordedOf(state), observed);
  // A VMM that the last look missed would hold the tap of the one that is started.
  if (plan.recoverPid || plan.kind === "start") await recover(droplet, wanted);
  if (plan.tidy) await tidy(droplet, wanted, found);
  if (plan.setRates || (livesOn(plan) && changesRates(state?.rates, wanted.rates))) {
    await setRates(droplet, wanted, state?.rates);
  }
  const outputs = await carryOut(plan, clone, state);
  // A start has handed it over itself.
  if (livesOn(plan)) await handRecovery(droplet, wanted, self, found?.recovery);
  return outputs;
}

async function carryOut(plan: Repair, clone: Clone, state: State | undefined): Promise<VmOutputs> {
  const { droplet, wanted, self } = clone;
  switch (plan.kind) {
    case "create":
      return cleanUpAfter(
        () => start(droplet, wanted, self, "snapshot"),
        (failure) => remove(droplet, { ...wanted, shutdownTimeout: 0 }, keptAfter(failure)),
      );
    case "start":
      if (plan.putBack) await putBack(droplet, wanted);
      return start(droplet, wanted, self, plan.from);
    case "adopt":
      return identify(clone, { first: true, resume: true });
    case "move":
      return move(clone, stateOf(state), plan.sameDisk);
    case "identify":
      return identify(clone, plan, state);
    case "verify":
      if (plan.resume) await resume(clone);
      return verify(clone, stateOf(state));
    case "resume":
      await resume(clone);
      await prove(droplet, wanted, self.sshHostKey);
      return pick(stateOf(state));
    case "none":
      await prove(droplet, wanted, self.sshHostKey);
      return pick(stateOf(state));
  }
}

/** Whether the running VMM lives on through a repair. */
function livesOn({ kind }: Repair): boolean {
  return kind !== "create" && kind !== "start" && kind !== "move";
}

/** The plan of a clone that no state has is to create or to adopt it, or to start what was left. */
function stateOf(state: State | undefined): State {
  if (state === undefined) throw new Error("a clone without a state was planned as one that has a state");
  return state;
}

/** Moves a clone to another snapshot or disk when it is its turn. */
async function move({ droplet, wanted, self, found }: Clone, state: State, sameDisk: boolean): Promise<VmOutputs> {
  const upgrade = sameDisk && (await isUpgrade(droplet, wanted, state.artifact));
  const jailer = found?.jailed === true ? state.jailer : "off";
  return roll(droplet, {
    from: state,
    to: wanted,
    keepsDisk: upgrade,
    start: () => start(droplet, wanted, self, upgrade ? "disk" : "snapshot"),
    startOld: () => {
      const old = { ...self, generation: newGeneration() };
      return start(
        droplet,
        { ...state, jailer, smokeTests: [] },
        old,
        state.artifact.diskPath === "" ? "snapshot" : "disk",
      );
    },
  });
}

/**
 * Gives the running guest its identity and waits until it is ready. Where no state has the clone, the guest gets a new host key:
 * nobody knows the old one.
 */
async function identify(
  { droplet, wanted, self, found }: Clone,
  { first, resume }: { readonly first: boolean; readonly resume: boolean },
  state?: State,
): Promise<VmOutputs> {
  droplet.touch(wanted.namespace);
  await sendIdentity(droplet, wanted, self, { known: !first, then: resume ? [resumeRequest] : [] });
  const adopted = { pid: found?.pid ?? 0, disk: "kept", timings: {}, vmm: vmmOf(found?.record) };
  return settle(droplet, wanted, self, state === undefined ? adopted : pickRunning(state));
}

async function resume({ droplet, wanted }: Clone): Promise<void> {
  droplet.touch(wanted.namespace);
  await send(droplet, wanted, `resume ${wanted.name}`, { requests: [resumeRequest] });
}

/** Waits for a clone that an earlier operation started. No state has the identity that it got then. */
async function verify({ droplet, wanted, self, found }: Clone, state: State): Promise<VmOutputs> {
  droplet.touch(wanted.namespace);
  const generation = found?.record.generation ?? "";
  const { disk, timings } = state;
  if (wanted.readyTimeout === 0) await settled(droplet, wanted);
  const running = { pid: found?.pid ?? 0, disk, timings, vmm: vmmOf(found?.record) };
  return settle(droplet, wanted, { ...self, generation }, running);
}

/** The Firecracker that a launch record names, in words; empty where it names none. */
function vmmOf(record: Readonly<Record<string, string>> | undefined): string {
  const [program] = parsePrograms(record?.vmm ?? "").found;
  return program === undefined ? "" : programWords(program);
}

function specOf(wanted: VmInputs, self?: Self): VmSpec {
  const { namespace, tap, artifact } = wanted;
  const further = furtherTaps(devicesOf(artifact).interfaces, tap).map((one) => one.tap);
  return {
    namespace,
    tap,
    ...(further.length > 0 && { furtherTaps: further }),
    digest: artifact.digest,
    key: artifact.key,
    limits: { declared: wanted.limits, memory: memoryOf(artifact) },
    rates: { declared: wanted.rates, devices: ratedDevices(artifact) },
    ...(self !== undefined && { identityDigest: identityDigest(wanted, self) }),
  };
}

/** @param self as the state has it; left out, nobody knows which identity the guest got */
function desiredOf(wanted: VmInputs, self: Self | undefined): Desired {
  return { ...specOf(wanted, self), method: wayOf(wanted), renewDisk: wanted.renewDisk, restart: wanted.restart };
}

function recordedOf(state: State): Recorded {
  const { digest, key } = state.artifact;
  const { renewDisk, restart } = state;
  return { digest, key, renewDisk, restart, identityDigest: identityDigest(state, state) };
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
  if (before.digest === wanted.artifact.digest) return true;
  const { session } = droplet;
  const [was, now] = await Promise.all(
    [before, wanted.artifact].map(async ({ folder }) => ({ folder, text: await readManifest(session, folder) })),
  );
  if (was === undefined || now === undefined || was.text === "" || now.text === "") return false;
  return keepsDisk(parseManifest(was.text, was.folder), parseManifest(now.text, now.folder));
}

async function recover(droplet: Droplet, wanted: VmInputs): Promise<void> {
  const what = `find the VMM again of ${wanted.name}`;
  await droplet.change(wanted.namespace, { what, run: "recover_vmm", vars: vmVars(wanted) });
}

/** Repairs files, mounts and limits around a VM that lives on. */
async function tidy(droplet: Droplet, wanted: VmInputs, found: ObservedVm | undefined): Promise<void> {
  const sizes = { memory: memoryOf(wanted.artifact), disk: found && diskOf(found) };
  await droplet.change(wanted.namespace, {
    what: `repair files, mounts and limits of ${wanted.name}`,
    run: "mend_vm",
    vars: {
      ...vmVars(wanted),
      disk_path: wanted.artifact.diskPath,
      vmm_limits: limitLines(wanted.limits, sizes),
    },
  });
}

function pickSelf({ sshHostKey, hostKeySeed, generation }: Self): Self {
  return { sshHostKey, hostKeySeed, generation };
}

function pickRunning({ pid, disk, timings, vmm }: State): Running {
  return { pid, disk, timings, vmm };
}

function pick(state: State): VmOutputs {
  return vmOutputs.parse(state);
}

/** @param kept what stays of its files; see keptAfter */
async function remove(droplet: Droplet, state: VmInputs, kept: { readonly keep_console?: string } = {}): Promise<void> {
  await droplet.change(state.namespace, {
    what: `remove the VM of ${state.namespace}`,
    run: "delete_vm",
    vars: { ...vmVars(state), ...kept, shutdown_ms: String(Math.round(state.shutdownTimeout * 1000)) },
    timeoutMs: (60 + state.vmmTimeout + state.shutdownTimeout) * 1000,
  });
}

/** One VMM process in a clone's namespace, with a disk of its own, told who it is before it runs. */
const unlisted: Definition<VmInputs, VmOutputs> = {
  kind: "FirecrackerVM",
  inputs: vmInputs,
  outputs: vmOutputs,
  awaited: ["artifact", "networkChangedAt"],
  replaceOn: ["droplet", "owner", "runtimeDir", "namespace"],
  id: ({ namespace }) => namespace,
  fault: vmFault,
  create,
  read: async (droplet, state) => {
    const observed = await droplet.observe(state, state.namespace);
    const claimed = observed.claims.some(({ name, owner }) => name === state.namespace && owner === state.owner);
    if (!claimed) return "gone";
    const vm = observed.vms[state.namespace];
    const jail = await isJailed(droplet, state, vm?.record.vmm);
    const recovery = vm?.alive === true ? { recovery: await recoveryMark(droplet, state, state) } : {};
    const drift = vmDrift({ ...specOf(state, state), jail, ...recovery }, observed);
    const recoveries = recoveryWords(state.namespace, vm?.recoveries, observed);
    if (recoveries !== "") droplet.reports.reportOnce(`${state.name} on ${droplet.name}: ${recoveries}`);
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
};

/** See {@link unlisted}, with its entry in the ssh_config. */
export const definition = owned(listed(unlisted));
