import { randomBytes } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { newGeneration } from "../firecracker/identity";
import { makeHostKey } from "../firecracker/hostkey";
import { resumeRequest } from "../firecracker/requests";
import { planVm, type VmPlan } from "../plan/vm";
import { cleanUpAfter, makeProvider, type Definition } from "./define";
import { observe, sessionFor, touch } from "./droplet";
import { vmInputs, vmOutputs, type VmInputs, type VmOutputs } from "./vmInputs";
import { awaitReady, send, sendIdentity, startVm, vmVars, type StartFrom } from "./vmStart";

type State = VmInputs & VmOutputs;
type Self = Pick<VmOutputs, "sshHostKey" | "hostKeyPrivate" | "machineId" | "generation">;

/** How a VM's processes and settings are told apart from an artifact's: these go to the guest by the metadata. */
const IDENTITY = ["name", "user", "authorizedKeys", "env"] as const;

async function create(wanted: VmInputs): Promise<VmOutputs> {
  const { publicKey, privateKey } = makeHostKey(wanted.name);
  const self = {
    sshHostKey: publicKey,
    hostKeyPrivate: privateKey,
    machineId: randomBytes(16).toString("hex"),
    generation: newGeneration(),
  };
  const found = await lookAt(wanted);
  if (found.left) return takeUp(wanted, self, found);
  return cleanUpAfter(
    () => start(wanted, self, "snapshot"),
    () => remove({ ...wanted, shutdownTimeout: 0 }),
  );
}

/** What is there of a VM, and the least that brings it to what is declared. */
interface Finding {
  /** A VM or a disk of this clone is there. */
  readonly left: boolean;
  readonly plan: VmPlan;
  /** What a start would be from. */
  readonly from: StartFrom;
  readonly pid: number;
}

async function lookAt(wanted: VmInputs): Promise<Finding> {
  const { namespace, tap, artifact } = wanted;
  const observed = await observe(wanted, namespace);
  const vm = observed.vms[namespace];
  const plan = planVm({ namespace, tap, digest: artifact.digest }, observed);
  // A snapshot's memory goes with the snapshot's disk: restored over a disk that lived on, it would corrupt it. So a
  // clone that keeps its disk boots from it.
  const lived = vm !== undefined && vm.diskSize >= 0 && vm.diskUsed;
  return { left: lived, plan, from: lived ? "disk" : "snapshot", pid: vm?.pid ?? 0 };
}

/**
 * Takes up a clone that an earlier run of this stack made and no state knows: a run that was cut off, or a state that
 * was lost. Its disk, and where it runs its guest, live on; it gets a new host key, since the old one is known to no one.
 */
async function takeUp(wanted: VmInputs, self: Self, { plan, from, pid }: Finding): Promise<VmOutputs> {
  if (plan.action === "restart" || wanted.artifact.identity !== "service") return start(wanted, self, from);
  touch(wanted, wanted.namespace);
  await sendIdentity(wanted, self, [resumeRequest]);
  return settle(wanted, self, { pid, disk: "kept", timings: {} });
}

async function start(wanted: VmInputs, self: Self, from: StartFrom): Promise<VmOutputs> {
  touch(wanted, wanted.namespace);
  const started = await startVm(wanted, self, from);
  return settle(wanted, self, started);
}

type Running = Pick<VmOutputs, "pid" | "disk" | "timings">;

async function settle(wanted: VmInputs, self: Self, running: Running): Promise<VmOutputs> {
  if (wanted.readyTimeout === 0) return { ...self, ...running, ready: false };
  const { hostKey, ms } = await awaitReady(wanted, self);
  const timings = { ...running.timings, ready: ms };
  return { ...self, ...running, sshHostKey: hostKey, ready: true, timings };
}

/** Mends or changes a VM with the least harm: the guest lives on wherever it can, and so does its disk. */
async function update(state: State, wanted: VmInputs): Promise<VmOutputs> {
  const { plan, from } = await lookAt(wanted);
  const next = { ...pickSelf(state), generation: newGeneration() };
  const renewed = state.artifact.digest !== wanted.artifact.digest || state.renewDisk !== wanted.renewDisk;
  if (renewed) return start(wanted, next, "snapshot");
  if (plan.action === "restart") return start(wanted, next, from);
  touch(wanted, wanted.namespace);
  const same = IDENTITY.every((key) => isDeepStrictEqual(state[key], wanted[key]));
  if (!same && wanted.artifact.identity !== "service") return start(wanted, next, from);
  const resume = plan.action === "resume" ? [resumeRequest] : [];
  if (!same) {
    await sendIdentity(wanted, next, resume);
    const { pid, disk, timings } = state;
    return settle(wanted, next, { pid, disk, timings });
  }
  if (resume.length > 0) await send(wanted, `resume ${wanted.name}`, resume);
  return pick(state);
}

function pickSelf({ sshHostKey, hostKeyPrivate, machineId, generation }: Self): Self {
  return { sshHostKey, hostKeyPrivate, machineId, generation };
}

function pick(state: State): VmOutputs {
  return vmOutputs.parse(state);
}

async function remove(state: VmInputs): Promise<void> {
  touch(state, state.namespace);
  await sessionFor(state).call({
    what: `take away the VM of ${state.namespace}`,
    run: "delete_vm",
    vars: { ...vmVars(state), shutdown_ms: String(Math.round(state.shutdownTimeout * 1000)) },
    timeoutMs: (60 + state.vmmTimeout + state.shutdownTimeout) * 1000,
  });
}

const definition: Definition<VmInputs, VmOutputs> = {
  kind: "FirecrackerVM",
  inputs: vmInputs,
  outputs: vmOutputs,
  replaceOn: ["droplet", "owner", "runtimeDir", "namespace"],
  id: ({ namespace }) => namespace,
  create,
  read: async (state) => {
    const observed = await observe(state, state.namespace);
    const claimed = observed.claims.some(({ name, owner }) => name === state.namespace && owner === state.owner);
    if (!claimed) return "gone";
    const { namespace, tap, artifact } = state;
    const { drift } = planVm({ namespace, tap, digest: artifact.digest }, observed);
    const vm = observed.vms[namespace];
    return { outputs: { ...pick(state), pid: vm?.alive === true ? vm.pid : 0 }, drift };
  },
  update,
  delete: remove,
};

/** One VMM process in a clone's namespace, with a disk of its own, told who it is before it runs. */
export const provider = makeProvider(definition);
