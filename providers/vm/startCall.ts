/** The call that starts a clone's VMM, for an operation or for the recovery keeper. */
import { requestLines, type ApiRequest } from "../../firecracker/api";
import { devicesOf, furtherTaps, memoryOf, ratedDevices } from "../../firecracker/devices";
import { filesOf, undeclaredFiles } from "../../firecracker/manifest";
import { programLine, type Program } from "../../firecracker/programs";
import { hasRates, rateRequests, serialRequests } from "../../firecracker/rates";
import { metricsRequest, resumeRequest, startRequest, vsockIn } from "../../firecracker/requests";
import type { VarsOf } from "../../host/session/calls";
import { limitLines } from "../../plan/vm/limits";
import type { StartFrom } from "../../plan/vm/repair";
import type { Droplet } from "../operation/droplet";
import { handoverOf, identityDigest, type Self } from "./identity";
import type { VmInputs } from "./inputs";
import { jailVars, pathsRead } from "./jail";
import { bootVm, restoreVm } from "./requests";
import { vmVars, wayOf } from "./vars";

/** A call of start_vm without what the recovery keeper gets. */
export interface StartCall {
  readonly vars: Omit<VarsOf<"start_vm">, "recovery">;
  /** Holds secrets. */
  readonly stdin: string;
}

/** Whether the guest boots: an image's own cloud-init looks for its metadata only then. */
export function bootsFrom(wanted: VmInputs, from: StartFrom): boolean {
  return from === "disk" || wayOf(wanted) === "cloud-init";
}

/** Composes the call that starts a clone's VMM with this program. */
export async function startCall(
  droplet: Droplet,
  wanted: VmInputs,
  self: Self,
  from: StartFrom,
  program: Program,
): Promise<StartCall> {
  const { artifact, namespace } = wanted;
  const way = wayOf(wanted);
  const handover = handoverOf(wanted, self);
  const devices = devicesOf(artifact);
  const taps = furtherTaps(devices.interfaces, wanted.tap);
  const boots = bootsFrom(wanted, from);
  const { version } = program;
  // The pipe is made by prepare_metrics (droplet/keepers/metrics.sh).
  const metrics = wanted.metrics === true ? [metricsRequest(`${wanted.runtimeDir}/${namespace}/metrics.pipe`)] : [];
  const vsock = artifact.vsock && vsockIn(`${wanted.runtimeDir}/${namespace}`, version, artifact.vsock.path);
  // Where the guest is not known to keep others from its metadata, because it boots, or because its snapshot does not say so,
  // the droplet puts the identity there once the guest has said that it does.
  const closed = !boots && artifact.metadata === "closed";
  const later = way === "service" && !closed;
  // A guest that gets its identity over ssh finds nothing in its metadata, and may have no metadata service.
  const metadata = handover === undefined ? [] : [later ? handover.clear : handover.put];
  const requests = boots
    ? [...bootVm(wanted, version, vsock, handover?.drive !== undefined), ...metadata, startRequest]
    : [
        restoreVm(wanted, version, vsock),
        ...rateRequests(wanted.rates, ratedDevices(artifact)),
        ...metadata,
        resumeRequest,
      ];
  const parts: HandoverParts =
    handover === undefined ? {} : { put: later ? [handover.put] : [], clear: [handover.clear], drive: handover.drive };
  const named = undeclaredFiles(artifact, artifact.disks);
  const elsewhere = new Set([...named, ...(artifact.disks ?? [])]);
  const shown = pathsRead(requests).filter((path) => path !== artifact.diskPath && !elsewhere.has(path));
  // A load does not name what its snapshot has.
  const jail = await jailVars(droplet, wanted, program, { shown, lent: artifact.disks, named });
  return {
    vars: {
      ...vmVars(wanted),
      firecracker: program.path,
      ...jail,
      vmm_limits: limitLines(wanted.limits, { memory: memoryOf(artifact) }),
      id: namespace,
      disk_path: artifact.diskPath,
      tap: wanted.tap,
      further_taps: taps.map(({ tap }) => tap).join(" "),
      vmm_flags: boots && devices.pci ? "--enable-pci" : "",
      disk_source: filesOf(artifact).disk,
      keep_disk: from === "disk" ? "1" : "",
      shutdown_ms: String(Math.round(wanted.shutdownTimeout * 1000)),
      vsock: vsock ?? "",
      hold: way === "ssh" ? "1" : "",
      settles: wanted.readyTimeout === 0 ? "" : "yes",
      metrics: wanted.metrics === true ? "1" : "",
      record: recordOf(wanted, self, from, { program, jailed: jail.jailer !== "" }),
      told: toldByRequests(wanted, self),
      generation: self.generation,
      closed: closed ? "1" : "",
    },
    stdin: stdinOf([...metrics, ...serialRequests(wanted.rates, version), ...requests], parts),
  };
}

/** What {@link handoverOf} gives, as the droplet's library takes it behind other requests. */
export interface HandoverParts {
  readonly put?: readonly ApiRequest[];
  readonly clear?: readonly ApiRequest[];
  readonly drive?: string | undefined;
}

/** See droplet/guest/handover.sh. */
const NEXT_PART = "# hornet: next\n";

/** The stdin of a call that sends requests to a VMM; see read_parts in droplet/guest/handover.sh. */
export function stdinOf(requests: readonly ApiRequest[], { put = [], clear = [], drive }: HandoverParts): string {
  const texts = [requests, put, clear].map((some) => (some.length === 0 ? "" : requestLines(some)));
  return [...texts, drive === undefined ? "" : Buffer.from(drive).toString("base64")].join(NEXT_PART);
}

/**
 * The launch record: what a clone's VMM was started from. Nothing in it is secret.
 *
 * @param from `memory` for a VMM that runs already: the droplet keeps the lines that it was started with
 */
export function recordOf(
  { artifact, name, rates }: VmInputs,
  self: Self,
  from: StartFrom | "memory",
  started?: { readonly program: Program; readonly jailed: boolean },
): string {
  return [
    ...(from === "memory" ? [] : [`digest=${artifact.digest}`, `key=${artifact.key}`]),
    ...(started === undefined ? [] : [`vmm=${programLine(started.program)}`]),
    // Its launch writes the list of what is in its jail (droplet/jail/entries.pl).
    ...(started?.jailed === true ? ["jail=listed"] : []),
    `name=${name}`,
    `disk_path=${artifact.diskPath}`,
    ...(hasRates(rates) ? ["rates=yes"] : []),
    `started_from=${from}`,
    `generation=${self.generation}`,
    `host_key=${self.sshHostKey}`,
  ].join("\n");
}

/** The mark of the identity that the requests to its VMM hand over; empty if the guest gets it over ssh, after them. */
export function toldByRequests(wanted: VmInputs, self: Self): string {
  return wayOf(wanted) === "ssh" ? "" : identityDigest(wanted, self);
}
