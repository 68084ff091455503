/** How VMMs ended, for the user. */
import type { Observed, ObservedRecovery, ObservedVm } from "../../model/observed";
import { sizeWords } from "./limits";

/** How a VMM ended. An exit code above 128 is a signal's number and 128; Firecracker itself exits with 151 for SIGXFSZ. */
export function endMessage(
  namespace: string,
  { pid, exit, rebooted, met = {} }: Pick<ObservedVm, "pid" | "exit" | "rebooted" | "met">,
  observed: Pick<Observed, "namespaces">,
): string {
  if (rebooted) return `VMM of ${namespace} ended when the droplet rebooted`;
  if (!observed.namespaces.includes(namespace)) return `VMM of ${namespace} is gone with its namespace`;
  const [code = "", at = ""] = exit.split(" ");
  if (code === "137" && met.memory !== undefined) {
    return `VMM killed by memory limit ${sizeWords(met.memory)} at ${at} (pid ${pid})`;
  }
  if (code === "151" || code === "153") return `VMM ended by the limit of file sizes at ${at} (pid ${pid})`;
  if (exit !== "" && met.pids !== undefined) {
    return `VMM exited with ${code} at ${at}, after it met its limit of ${met.pids} processes (pid ${pid})`;
  }
  return exit === "" ? `VMM exited (pid ${pid}; exit status unknown)` : `VMM exited with ${code} at ${at} (pid ${pid})`;
}

/** The restarts by the recovery keeper since the last start by an operation, for the user; empty if there was none. */
export function recoveryWords(
  namespace: string,
  all: readonly ObservedRecovery[] | undefined,
  observed: Pick<Observed, "namespaces">,
): string {
  const last = all?.at(-1);
  if (all === undefined || last === undefined) return "";
  const failed = all.filter(({ succeeded }) => !succeeded).length;
  const times = last.number - failed;
  const how = last.hung
    ? `VMM and guest were silent at ${new Date(last.at * 1000).toISOString()} (pid ${last.end.pid})`
    : endMessage(namespace, { rebooted: false, ...last.end }, observed);
  return (
    `restarted ${times} ${times === 1 ? "time" : "times"}` +
    `${failed === 0 ? "" : `, and ${failed} ${failed === 1 ? "restart" : "restarts"} failed`}, last: ${how}`
  );
}
