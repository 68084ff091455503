import { randomBytes } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { newGeneration } from "../firecracker/identity";
import { makeHostKey } from "../firecracker/hostkey";
import { curlConfig } from "../firecracker/api";
import { resumeRequest } from "../firecracker/requests";
import { planVm } from "../plan/vm";
import { cleanUpAfter, makeProvider, type Definition } from "./define";
import { observe, sessionFor, touch } from "./droplet";
import { vmInputs, vmOutputs, type VmInputs, type VmOutputs } from "./vmInputs";
import { awaitReady, sendIdentity, startVm, vmVars, type StartFrom } from "./vmStart";

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
  return cleanUpAfter(
    () => start(wanted, self, "snapshot"),
    () => remove({ ...wanted, shutdownTimeout: 0 }),
  );
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
  const observed = await observe(wanted, wanted.namespace);
  const { namespace, tap, artifact } = wanted;
  const renewed = state.artifact.digest !== artifact.digest || state.renewDisk !== wanted.renewDisk;
  const action = planVm({ namespace, tap, digest: artifact.digest }, observed).action;
  if (renewed || action === "restart") {
    const used = (observed.vms[namespace]?.diskSize ?? -1) >= 0;
    // A snapshot's memory goes with the snapshot's disk: restored over a disk that lived on, it would corrupt it. So a
    // clone that keeps its disk boots from it.
    return start(wanted, { ...state, generation: newGeneration() }, used && !renewed ? "disk" : "snapshot");
  }
  touch(wanted, namespace);
  if (action === "resume") {
    await sessionFor(wanted).call({
      what: `resume ${wanted.name}`,
      run: "send_vm",
      vars: vmVars(wanted),
      stdin: curlConfig([resumeRequest]),
    });
  }
  if (IDENTITY.every((key) => isDeepStrictEqual(state[key], wanted[key]))) return pick(state);
  if (artifact.identity !== "service") return start(wanted, { ...state, generation: newGeneration() }, "disk");
  const self = { ...state, generation: newGeneration() };
  await sendIdentity(wanted, self);
  return settle(wanted, pickSelf(self), state);
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
    timeoutMs: 60_000 + state.shutdownTimeout * 1000,
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
