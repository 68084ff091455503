import { isDeepStrictEqual } from "node:util";
import { requestLines } from "../../firecracker/api";
import { ratedDevices } from "../../firecracker/devices";
import { hasRates, rateRequests } from "../../firecracker/rates";
import type { Droplet } from "../operation/droplet";
import type { VmInputs } from "./inputs";
import { vmVars } from "./vars";

/** Rates of all devices. */
const ANY_RATES: VmInputs["rates"] = { serial: "", network: {}, disk: {} };

/**
 * Sets the rates of a VM that runs.
 *
 * @param before the rates in the engine's state; undefined without a state, where an earlier run may have limited anything
 */
export async function setRates(
  droplet: Droplet,
  wanted: VmInputs,
  before: VmInputs["rates"] = ANY_RATES,
): Promise<void> {
  droplet.touch(wanted.namespace);
  // A state whose rates were set by an `up` that was cut off names none.
  const requests = rateRequests(
    wanted.rates,
    ratedDevices(wanted.artifact),
    hasRates(wanted.rates) ? before : ANY_RATES,
  );
  await droplet.call({
    what: `set the rates of ${wanted.name}`,
    run: "set_rates",
    vars: { ...vmVars(wanted), rated: hasRates(wanted.rates) ? "1" : "" },
    stdin: requestLines(requests),
  });
}

/** Whether a change of the config reaches the devices: a device that it no longer names is no drift. */
export function changesRates(before: VmInputs["rates"] | undefined, now: VmInputs["rates"]): boolean {
  if (before === undefined) return false;
  return !isDeepStrictEqual([before.network, before.disk], [now.network, now.disk]);
}
