/** The rates of a VMM's devices: as requests, and as a VMM shows them. Each is a token bucket; see Firecracker's docs/api_requests. */
import { z } from "zod";
import { bytesIn, type Rates } from "../model/arguments/limits";
import type { ApiRequest } from "./api";
import type { Devices, RatedDevices } from "./devices";
import { atLeast } from "./programs";

/** `size` tokens per `refill_time` in ms, and `one_time_burst` tokens once. A size of 0 is no limit. */
interface Bucket {
  readonly size: number;
  readonly refill_time: number;
  readonly one_time_burst?: number;
}

type Limiter = Readonly<Partial<Record<"bandwidth" | "ops", Bucket>>>;

const FREE: Bucket = { size: 0, refill_time: 0 };

function bucket(perSecond: number | undefined, burst?: number): Bucket | undefined {
  if (perSecond === undefined) return undefined;
  return { size: perSecond, refill_time: 1000, ...(burst !== undefined && { one_time_burst: burst }) };
}

const bytes = (text: string | undefined): number | undefined => (text === undefined ? undefined : bytesIn(text));

function limiter(bandwidth: Bucket | undefined, ops: Bucket | undefined): Limiter {
  return { ...(bandwidth && { bandwidth }), ...(ops && { ops }) };
}

/** The declared limiters; undefined where the config declares none. */
function limitersOf({ network, disk }: Rates): Partial<Record<"rx" | "tx" | "disk", Limiter>> {
  const direction = (rate: string | undefined): Limiter =>
    limiter(bucket(bytes(rate), bytes(network?.burst)), bucket(network?.packets));
  return {
    ...(network && { rx: direction(network.rx), tx: direction(network.tx) }),
    ...(disk && { disk: limiter(bucket(bytes(disk.bytes), bytes(disk.burst)), bucket(disk.operations)) }),
  };
}

/** Whether a config declares rates that {@link rateRequests} sets. */
export function hasRates({ network, disk }: Rates): boolean {
  return network !== undefined || disk !== undefined;
}

/** A change of a limiter leaves what it does not name as it is. */
const whole = ({ bandwidth = FREE, ops = FREE }: Limiter): Limiter => ({ bandwidth, ops });

/**
 * Sets the rates of a VM that is loaded or runs. A device for which the config declares none keeps the snapshot's own.
 *
 * @param before the rates that were declared before: a device for which there are none now is not limited any more
 */
export function rateRequests(rates: Rates, devices: RatedDevices, before?: Rates): ApiRequest[] {
  const { rx = {}, tx = {}, disk = {} } = limitersOf(rates);
  const requests: ApiRequest[] = [];
  if (rates.network ?? before?.network) {
    requests.push({
      method: "PATCH",
      path: `/network-interfaces/${devices.iface}`,
      body: { iface_id: devices.iface, rx_rate_limiter: whole(rx), tx_rate_limiter: whole(tx) },
    });
  }
  if (devices.disk !== "" && (rates.disk ?? before?.disk)) {
    requests.push({
      method: "PATCH",
      path: `/drives/${devices.disk}`,
      body: { drive_id: devices.disk, rate_limiter: whole(disk) },
    });
  }
  return requests;
}

/** The devices of a VM that boots, with the declared rates: its guest runs no moment without them. */
export function withRates(rates: Rates, devices: Devices): Devices {
  const { rx, tx, disk } = limitersOf(rates);
  return {
    ...devices,
    ...(rx && tx && { ifaceSettings: { ...devices.ifaceSettings, rx_rate_limiter: rx, tx_rate_limiter: tx } }),
    ...(disk &&
      devices.disk && { disk: { ...devices.disk, settings: { ...devices.disk.settings, rate_limiter: disk } } }),
  };
}

/** Limits what the guest writes to its serial console; only before a load or a boot, and since 1.16. */
export function serialRequests({ serial }: Rates, version: string): ApiRequest[] {
  if (!atLeast(version, "1.16")) return [];
  return [{ method: "PUT", path: "/serial", body: { rate_limiter: bucket(bytesIn(serial)) } }];
}

/** The limiters of a device as a VMM shows them, by the name of their property. */
export type ShownLimiters = Readonly<Record<string, unknown>>;

/**
 * How the limiters of a VMM differ from the declared rates.
 *
 * @param shown by `drive ID` and `interface ID`; undefined if the droplet did not ask the VMM
 */
export function rateDrift(
  rates: Rates,
  devices: RatedDevices,
  shown: Readonly<Record<string, ShownLimiters>> | undefined,
): string[] {
  const { rx, tx, disk } = limitersOf(rates);
  if (!hasRates(rates)) return shown === undefined ? [] : ["the VMM has rates that are not declared any more"];
  if (shown === undefined) return ["the rates of the VMM were never set"];
  const own = shown[`interface ${devices.iface}`] ?? {};
  const drive = shown[`drive ${devices.disk}`] ?? {};
  return [
    ...(rx ? differences("network rate to the guest", rx, own.rx_rate_limiter) : []),
    ...(tx ? differences("network rate from the guest", tx, own.tx_rate_limiter) : []),
    ...(disk && devices.disk !== "" ? differences("disk rate", disk, drive.rate_limiter) : []),
  ];
}

function differences(what: string, declared: Limiter, shown: unknown): string[] {
  const actual = shownLimiter.nullish().safeParse(shown).data ?? undefined;
  return (["bandwidth", "ops"] as const).flatMap((kind) => {
    const [is, should] = [words(kind, actual?.[kind]), words(kind, declared[kind])];
    return is === should ? [] : [`the ${what} is ${is}, not ${should}`];
  });
}

/** `12500000 bytes per second`, or with another time to refill or a burst, these too. */
function words(kind: "bandwidth" | "ops", one: z.output<typeof shownBucket> | Bucket | undefined): string {
  const unit = kind === "bandwidth" ? "bytes" : "operations";
  if (!one || one.size === 0 || one.refill_time === 0) return `no limit of ${unit}`;
  const time = one.refill_time === 1000 ? "second" : `${one.refill_time} ms`;
  return `${one.size} ${unit} per ${time}${one.one_time_burst ? ` and ${one.one_time_burst} once` : ""}`;
}

const shownBucket = z
  .object({ size: z.number(), refill_time: z.number(), one_time_burst: z.number().nullish() })
  .nullish()
  .transform((one) => one && { ...one, one_time_burst: one.one_time_burst ?? 0 });
const shownLimiter = z.object({ bandwidth: shownBucket, ops: shownBucket }).partial();

const shownConfig = z.object({
  drives: z.array(z.looseObject({ drive_id: z.string() })),
  "network-interfaces": z.array(z.looseObject({ iface_id: z.string() })),
});

/** The limiters in a VMM's answer to `GET /vm/config`; undefined if that is no answer. */
export function limitersIn(text: string): Readonly<Record<string, ShownLimiters>> | undefined {
  try {
    const config = shownConfig.parse(JSON.parse(text) as unknown);
    return Object.fromEntries<ShownLimiters>([
      ...config.drives.map((one) => [`drive ${one.drive_id}`, one] as const),
      ...config["network-interfaces"].map((one) => [`interface ${one.iface_id}`, one] as const),
    ]);
  } catch {
    return undefined;
  }
}
