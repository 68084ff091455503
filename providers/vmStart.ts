import { curlConfig, type ApiRequest } from "../firecracker/api";
import { clearedDocument, metadataDocument, type Identity } from "../firecracker/identity";
import { bootRequests, loadRequest, metadataRequest, resumeRequest, startRequest } from "../firecracker/requests";
import { HornetError, messageOf } from "../host/errors";
import type { Session } from "../host/session";
import { defaultBootArgs } from "../plan/vm";
import { commonVars, sessionFor } from "./droplet";
import { watcherOf } from "./ready";
import type { VmInputs, VmOutputs } from "./vmInputs";

/** Where a VM's memory comes from: the snapshot with a fresh disk, or a boot from the disk that it has. */
export type StartFrom = "snapshot" | "disk";

type Self = Pick<VmOutputs, "sshHostKey" | "hostKeyPrivate" | "machineId" | "generation">;
type Started = Pick<VmOutputs, "pid" | "disk" | "timings">;

/** The variables that name a clone's VM to the library. */
export function vmVars(wanted: VmInputs): Record<string, string> {
  return { ...commonVars(wanted), namespace: wanted.namespace };
}

function identityOf(wanted: VmInputs, self: Self): Identity {
  return {
    generation: self.generation,
    hostname: wanted.name,
    machineId: self.machineId,
    hostKey: self.hostKeyPrivate,
    authorizedKeys: wanted.authorizedKeys,
    user: wanted.user,
    env: { AGENT_ID: wanted.name, ...wanted.env },
  };
}

/**
 * Starts a clone's VMM. The order is the point of it: loaded paused, told who it is, then resumed, so that no
 * instruction of the agent runs before its identity is there.
 */
export async function startVm(wanted: VmInputs, self: Self, from: StartFrom): Promise<Started> {
  const session = sessionFor(wanted);
  const { artifact, namespace } = wanted;
  const version = await vmmVersion(session, wanted.firecracker);
  const metadata = metadataRequest(metadataDocument(identityOf(wanted, self)));
  // A guest that booted has waited since, like the template; one that knows no service has no metadata interface.
  const identity = artifact.identity === "service" || from === "disk" ? [metadata] : [];
  const answer = await session.call({
    what: `start the VM of ${namespace}`,
    run: "start_vm",
    vars: {
      ...vmVars(wanted),
      firecracker: wanted.firecracker,
      id: namespace,
      disk_path: artifact.diskPath,
      tap: wanted.tap,
      disk_source: artifact.disk,
      keep_disk: from === "disk" ? "1" : "",
      record: recordOf(wanted, self, from),
    },
    stdin: curlConfig(
      from === "snapshot" ? restore(wanted, version, identity) : [...boot(wanted), ...identity, startRequest],
    ),
    patience: 10,
    hint: `the end of the VMM's console is ${wanted.runtimeDir}/${namespace}/console.log`,
  });
  const values = new Map(answer.split("\n").map((line): [string, string] => splitOnce(line)));
  const ms = (key: string): number => Number(values.get(`${key}_ms`) ?? 0);
  return {
    pid: Number(values.get("pid")),
    disk: values.get("disk") ?? "",
    timings: { disk: ms("disk"), launch: ms("launch"), restore: ms("restore") },
  };
}

function restore({ artifact, tap }: VmInputs, version: string, identity: ApiRequest[]): ApiRequest[] {
  const taps = artifact.tap === tap ? [] : [{ iface: artifact.iface, tap }];
  const load = loadRequest({
    snapshotPath: artifact.snapshotPath,
    memoryPath: artifact.memoryPath,
    version,
    taps,
  });
  return [load, ...identity, resumeRequest];
}

function boot(wanted: VmInputs): ApiRequest[] {
  const { artifact } = wanted;
  return bootRequests({
    kernel: artifact.kernel === "" ? wanted.kernel : artifact.kernel,
    bootArgs: artifact.bootArgs === "" ? defaultBootArgs(wanted.guestAddress, wanted.tapAddress) : artifact.bootArgs,
    diskPath: artifact.diskPath,
    tap: wanted.tap,
    guestMac: artifact.guestMac,
    memory: artifact.memory,
    vcpus: artifact.vcpus,
  });
}

/** What is left on the droplet to tell what a process was started from; nothing in it is secret. */
function recordOf({ artifact, name }: VmInputs, self: Self, from: StartFrom | "memory"): string {
  return [
    `name=${name}`,
    `digest=${artifact.digest}`,
    `disk_path=${artifact.diskPath}`,
    `started_from=${from}`,
    `generation=${self.generation}`,
    `host_key=${self.sshHostKey}`,
  ].join("\n");
}

/**
 * Gives a running clone another identity: its service applies what changed, and the agent alone starts again.
 *
 * @param then what else is asked of the VMM, in the same breath
 */
export async function sendIdentity(wanted: VmInputs, self: Self, then: readonly ApiRequest[] = []): Promise<void> {
  const identity = metadataRequest(metadataDocument(identityOf(wanted, self)));
  const record = recordOf(wanted, self, "memory");
  await send(wanted, `tell ${wanted.name} its identity`, [identity, ...then], record);
}

/** Sends requests to a clone's VMM. */
export async function send(
  wanted: VmInputs,
  what: string,
  requests: readonly ApiRequest[],
  record = "",
): Promise<void> {
  const vars = { ...vmVars(wanted), record };
  await sessionFor(wanted).call({ what, run: "send_vm", vars, stdin: curlConfig(requests) });
}

/**
 * Waits until the clone answers as itself, then clears the metadata, so that nothing in the guest can read it later.
 *
 * @returns the host key it answered with and the ms it took
 * @throws HornetError with the end of the guest's console
 */
export async function awaitReady(wanted: VmInputs, self: Self): Promise<{ hostKey: string; ms: number }> {
  const session = sessionFor(wanted);
  const service = wanted.artifact.identity === "service";
  const begun = Date.now();
  try {
    const hostKey = await watcherOf(session).wait({
      address: wanted.address,
      folder: `${wanted.runtimeDir}/${wanted.namespace}`,
      generation: service ? self.generation : undefined,
      hostKey: service ? self.sshHostKey : undefined,
      limit: wanted.readyTimeout * 1000,
    });
    const ms = Date.now() - begun;
    if (service) await send(wanted, `clear the metadata of ${wanted.name}`, [metadataRequest(clearedDocument)]);
    return { hostKey, ms };
  } catch (error) {
    const console = await session
      .call({ what: "read the console", run: "console_end", vars: vmVars(wanted) })
      .catch(() => "");
    const end = console.trim() === "" ? "its console is empty" : `the end of its console:\n${console.trim()}`;
    throw new HornetError(`${wanted.name} on ${session.name}: ${messageOf(error)}\n${end}`);
  }
}

const versions = new WeakMap<Session, Map<string, Promise<string>>>();

/** The version of the droplet's Firecracker, asked once an operation. */
export function vmmVersion(session: Session, firecracker: string): Promise<string> {
  const known = versions.get(session) ?? new Map<string, Promise<string>>();
  versions.set(session, known);
  const version =
    known.get(firecracker) ??
    session
      .call({
        what: "ask Firecracker for its version",
        run: "vmm_version",
        vars: { firecracker },
        hint: "install Firecracker there, or set hornet:vmm.firecracker to where it is",
      })
      .then((text) => text.trim());
  known.set(firecracker, version);
  return version;
}

function splitOnce(line: string): [string, string] {
  const at = line.indexOf("=");
  return [line.slice(0, at), line.slice(at + 1)];
}
