/** One clone's VMM as a droplet describes it; see gather_vm in droplet/host/facts.sh. */
import { z } from "zod";
import { limitersIn } from "../firecracker/rates";
import { parseKeyValues } from "../model/keyValues";
import type { ObservedJailFault, ObservedLimits, ObservedRecovery, ObservedVm } from "../model/observed";
import { wholeNumber } from "./unreadable";

/** A VMM's answer to `GET /` (Firecracker's InstanceInfo). */
const instanceInfo = z.object({ id: z.string(), state: z.string(), vmm_version: z.string() });

/** The section of one clone. */
export function parseVm(body: string): ObservedVm {
  const values = parseKeyValues(body);
  const record = [...values].filter(([key]) => key.startsWith("record."));
  const told = values.get("told");
  const met = parseMet(values.get("met.memory"), values.get("met.pids"));
  const recoveries = parseRecoveries(values);
  return {
    pid: wholeNumber(values.get("pid") ?? "0"),
    alive: values.get("alive") === "1",
    recorded: values.get("recorded") === "1",
    exit: exitOf(values.get("pid") ?? "", values.get("exit") ?? ""),
    rebooted: values.get("rebooted") === "1",
    startTime: values.get("start") ?? "",
    inNamespace: values.get("in_namespace") === "1",
    state: "",
    version: "",
    ownProgram: values.get("other_program") !== "1",
    diskSize: wholeNumber(values.get("disk") ?? "-1"),
    diskWas: wholeNumber(values.get("disk_was") ?? "0"),
    diskUsed: values.get("used") === "1",
    diskMounted: values.get("mounted") === "1",
    ownDisk: values.get("own_disk") === "1",
    quarantined: values.get("held") === "1",
    unverified: values.get("unsettled") === "1",
    ...(values.get("uncleared") === "1" && { uncleared: true }),
    ...(told !== undefined && { appliedIdentity: told }),
    ...(values.get("jailed") === "1" && { jailed: true }),
    ...(values.has("cgroup") && { limits: parseLimits(values) }),
    ...(met !== undefined && { met }),
    ...(values.has("recovery") && { recovery: values.get("recovery") ?? "" }),
    ...(recoveries.length > 0 && { recoveries }),
    ...(values.has("seccomp") && { filtered: values.get("seccomp") === "2" }),
    ...(values.has("dumps") && { dumpsMemory: !/^0*$/.test(values.get("dumps") ?? "") }),
    folderMode: values.get("mode") ?? "",
    record: Object.fromEntries(record.map(([key, value]) => [key.slice("record.".length), value])),
  };
}

/** The limits of a VMM that runs, from gather_limits in droplet/jail/cgroup.sh. */
function parseLimits(values: ReadonlyMap<string, string>): ObservedLimits {
  const words = (key: string): string[] => (values.get(key) ?? "").split(" ").filter((word) => word !== "");
  const [version = "0", ...offered] = words("cgroup");
  const files = [...values].filter(([key]) => key.startsWith("cgroup."));
  return {
    version: wholeNumber(version),
    offered,
    inside: words("inside"),
    files: Object.fromEntries(files.map(([key, value]) => [key.slice("cgroup.".length), value])),
    ...(values.has("rlimit.files") && { openFiles: values.get("rlimit.files") ?? "" }),
    ...(values.has("rlimit.file_size") && { fileSize: values.get("rlimit.file_size") ?? "" }),
  };
}

/** The limits that the end of a VMM met; undefined if it met none. */
function parseMet(memory: string | undefined, pids: string | undefined): ObservedVm["met"] {
  if (memory === undefined && pids === undefined) return undefined;
  return { ...(memory !== undefined && { memory }), ...(pids !== undefined && { pids }) };
}

/** Restarts by the recovery keeper: `recovered.NUMBER` with the other words of a line of note_recovery. */
function parseRecoveries(values: ReadonlyMap<string, string>): ObservedRecovery[] {
  return [...values].flatMap(([key, line]) =>
    key.startsWith("recovered.") ? [parseRecovery(`${key.slice("recovered.".length)} ${line}`)] : [],
  );
}

/** One restart by the recovery keeper: a line of note_recovery in droplet/keepers/recovery.sh. */
export function parseRecovery(line: string): ObservedRecovery {
  const [number = "", at = "", outcome, why, ...end] = line.split(" ");
  const [pid, code, time, memory, pids] = end.map((word) => (word === "-" ? undefined : word));
  const met = parseMet(memory, pids);
  return {
    number: wholeNumber(number),
    at: wholeNumber(at),
    succeeded: outcome === "restarted",
    hung: why === "hung",
    end: {
      pid: wholeNumber(pid ?? "0"),
      exit: code === undefined ? "" : `${code} ${time ?? ""}`,
      ...(met && { met }),
    },
  };
}

/**
 * The faults of jails, by clone, from lines of droplet/jail/look.pl: `NAME WHAT IS WAS LAST PATH` for each fault, and
 * `NAME compared` behind those of a clone. What was not compared is left out.
 */
export function jailFaultsIn(lines: readonly string[]): Map<string, Pick<ObservedVm, "jailFaults">> {
  const faults = new Map<string, ObservedJailFault[]>();
  const compared = new Map<string, Pick<ObservedVm, "jailFaults">>();
  for (const line of lines) {
    const [name = "", what = "", is = "", was = "", last, ...path] = line.split(" ");
    const seen = faults.get(name) ?? [];
    faults.set(name, seen);
    if (last === undefined) compared.set(name, { jailFaults: seen });
    else seen.push({ what, path: path.join(" "), is: orNothing(is), was: orNothing(was), last: last === "last" });
  }
  return compared;
}

const orNothing = (word: string): string => (word === "-" ? "" : word);

/** The rate limiters in a VMM's answer to `GET /vm/config`. */
export function limitersOf(config: string | undefined): Pick<ObservedVm, "limiters"> {
  const limiters = config === undefined ? undefined : limitersIn(config);
  return limiters === undefined ? {} : { limiters };
}

/** How a process ended, from a note "PID CODE TIME"; empty if the note is another process's. */
function exitOf(pid: string, noted: string): string {
  const [whose, ...how] = noted.split(" ");
  return whose === pid ? how.join(" ") : "";
}

/**
 * The state in a VMM's answer to `GET /`; nothing if the answer cannot be parsed, or names another VM.
 *
 * @param name the clone, whose namespace's name is the VM's id
 */
export function stateIn(name: string, answer: string | undefined): Partial<Pick<ObservedVm, "state" | "version">> {
  try {
    const { id, state, vmm_version: version } = instanceInfo.parse(JSON.parse(answer ?? ""));
    return id === name ? { state, version } : {};
  } catch {
    return {};
  }
}
