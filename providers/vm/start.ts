import { parseKeyValues } from "../../model/keyValues";
import type { ApiRequest } from "../../firecracker/api";
import { programWords } from "../../firecracker/programs";
import { CommandError, HornetError } from "../../host/errors";
import type { Droplet } from "../operation/droplet";
import { atGuest } from "./guestError";
import { openFault } from "../artifact/openMetadata";
import type { VmInputs, VmOutputs } from "./inputs";
import { handoverOf, identityOf, identityDigest, type Self } from "./identity";
import { tellOverSsh } from "./identityOverSsh";
import { programForClone } from "./programs";
import { recoveryOrder } from "./recovery";
import { bootsFrom, recordOf, startCall, stdinOf, toldByRequests, type HandoverParts } from "./startCall";
import { vmVars, wayOf } from "./vars";
import type { StartFrom } from "../../plan/vm/repair";
import { report } from "../../host/printable";

type Started = Pick<VmOutputs, "pid" | "disk" | "timings" | "vmm">;

/**
 * Starts a clone's VMM. The order is the point of it: loaded paused, told who it is, then resumed, so that no
 * instruction of the agent runs before its identity is there. A guest that can only be told over ssh runs by then, but
 * opens no connection.
 */
export async function startVm(droplet: Droplet, wanted: VmInputs, self: Self, from: StartFrom): Promise<Started> {
  refuseOpen(wanted);
  const { namespace } = wanted;
  const way = wayOf(wanted);
  const program = await programForClone(droplet, wanted, bootsFrom(wanted, from), report);
  const [call, recovery] = await Promise.all([
    startCall(droplet, wanted, self, from, program),
    recoveryOrder(droplet, wanted, self, program),
  ]);
  const start = droplet.call({
    what: `start the VM of ${namespace}`,
    run: "start_vm",
    vars: { ...call.vars, recovery },
    stdin: call.stdin,
    patience: 10,
    hint: `the end of the VMM's console is ${wanted.runtimeDir}/${namespace}/console.log`,
  });
  const answer = await atGuest(droplet, wanted, () => start, ranItsGuest);
  const values = parseKeyValues(answer);
  const phases = ["disk", "launch", "load", "identity", "resume"] as const;
  const spent = Object.fromEntries(phases.map((phase) => [phase, Number(values.get(`${phase}_ms`) ?? 0)]));
  droplet.session.trace.phases(namespace, spent);
  const timings = { ...droplet.networkTimings.take(namespace), ...spent };
  const started = { pid: Number(values.get("pid")), disk: values.get("disk") ?? "", vmm: programWords(program) };
  if (way !== "ssh") return { ...started, timings };
  const begun = Date.now();
  await tellOverSsh(droplet, wanted, identityOf(wanted, self), { hostKey: self.sshHostKey, first: true });
  await noteTold(droplet, wanted, self);
  const took = Date.now() - begun;
  droplet.session.trace.phases(namespace, { "identity over ssh": took });
  return { ...started, timings: { ...timings, identity: (spent.identity ?? 0) + took } };
}

/** A start fails for many reasons; only where the guest ran, its console says why. */
function ranItsGuest(error: HornetError): boolean {
  return error instanceof CommandError && error.failure.stderr.includes("the VMM ended after it was resumed");
}

/**
 * Nobody need wait for a guest whose identity service is one of before: it never says that it keeps others from the metadata,
 * so it is handed nothing.
 */
function refuseOpen(wanted: VmInputs): void {
  const { artifact, readyTimeout, name } = wanted;
  if (wayOf(wanted) !== "service" || artifact.identity !== "service" || artifact.metadata === "closed") return;
  if (readyTimeout > 0) throw openFault(name);
}

/** What {@link sendIdentity} is told beside the identity. */
export interface Sending {
  /** The guest has the host key already, and was told who it is before. */
  readonly known: boolean;
  /** What else is asked of the VMM, in the same breath. */
  readonly then?: readonly ApiRequest[];
}

/**
 * Gives a running clone another identity: what changed is applied, and the agent alone starts again. An image's own
 * cloud-init does not look again while it runs; such a clone has to be started anew.
 */
export async function sendIdentity(
  droplet: Droplet,
  wanted: VmInputs,
  self: Self,
  { known, then = [] }: Sending,
): Promise<void> {
  const handover = handoverOf(wanted, self);
  const overSsh = handover === undefined;
  const over = overSsh ? { requests: then } : { requests: then, put: [handover.put], clear: [handover.clear] };
  const sent = send(droplet, wanted, `tell ${wanted.name} its identity`, over, {
    record: recordOf(wanted, self, "memory"),
    told: toldByRequests(wanted, self),
    knock: overSsh ? "" : wanted.address,
    generation: self.generation,
  });
  await atGuest(droplet, wanted, () => sent);
  if (!overSsh) return;
  const identity = identityOf(wanted, self);
  const change = known ? { ...identity, hostKey: undefined } : identity;
  await tellOverSsh(droplet, wanted, change, { hostKey: self.sshHostKey, first: !known });
  await noteTold(droplet, wanted, self);
}

async function noteTold(droplet: Droplet, wanted: VmInputs, self: Self): Promise<void> {
  const vars = { ...vmVars(wanted), told: identityDigest(wanted, self) };
  await droplet.call({ what: `note what ${wanted.name} was told`, run: "note_told", vars });
}

/**
 * Sends requests to a clone's VMM, or hands an identity over.
 *
 * @param also another launch record and the mark of what the guest is told with it; the address at which the guest's
 *   service is told to look at its metadata at once; the generation of the identity
 */
export async function send(
  droplet: Droplet,
  wanted: VmInputs,
  what: string,
  { requests, ...parts }: HandoverParts & { readonly requests: readonly ApiRequest[] },
  {
    record = "",
    told = "",
    knock = "",
    generation = "",
  }: Partial<Record<"record" | "told" | "knock" | "generation", string>> = {},
): Promise<void> {
  const vars = { ...vmVars(wanted), record, told, knock, generation };
  await droplet.call({ what, run: "send_vm", vars, stdin: stdinOf(requests, parts) });
}

/**
 * Waits until the clone answers as itself and its metadata is cleared.
 *
 * @returns the ms it took
 * @throws HornetError with the end of the guest's console, also where the guest could not take all of its identity
 */
export async function awaitReady(droplet: Droplet, wanted: VmInputs, self: Self): Promise<number> {
  const way = wayOf(wanted);
  const begun = Date.now();
  return atGuest(droplet, wanted, async () => {
    await droplet.readyWatcher.wait({
      name: wanted.name,
      address: wanted.address,
      folder: `${wanted.runtimeDir}/${wanted.namespace}`,
      generation: way === "ssh" ? undefined : self.generation,
      hostKey: self.sshHostKey,
      limit: wanted.readyTimeout * 1000,
    });
    const ms = Date.now() - begun;
    droplet.session.trace.span({ row: wanted.namespace, name: "ready", begun, took: ms });
    if (way !== "ssh") await finish(droplet, wanted, self.generation);
    return ms;
  });
}

/**
 * Waits until the droplet has cleared the metadata. Fails where the guest says that it could not take all of its identity: it
 * is not as declared.
 */
async function finish(droplet: Droplet, wanted: VmInputs, generation: string): Promise<void> {
  const said = await droplet.call({
    what: `wait until the metadata of ${wanted.name} is cleared`,
    run: "finish_identity",
    vars: { ...vmVars(wanted), generation },
  });
  const failed = said.split("\n").filter((line) => line !== "");
  // A guest without VMGenID that can only write its seed can do no better.
  const weak = failed.filter((line) => line.startsWith("seed "));
  for (const line of weak) report(`${wanted.name}: ${line.slice("seed ".length)}`);
  const faults = failed.filter((line) => !weak.includes(line));
  if (faults.length === 0) return;
  throw new HornetError(
    `${wanted.name} on ${droplet.name}: it could not take all of its identity: ${faults.join("; ")}`,
  );
}
