import { ratesSchema } from "../model/arguments/limits";
import { usualDevices } from "./devices";
import { limitersIn, rateDrift, rateRequests, serialRequests, withRates } from "./rates";

const devices = { iface: "eth0", disk: "rootfs" };
const rates = ratesSchema.parse({
  network: { rx: "100mbit", burst: "1MiB", packets: 9 },
  disk: { bytes: "50MiB", operations: 2000 },
});
const none = ratesSchema.parse({});

/** The real 1.16.1's answer after these requests, shortened. */
const ANSWER =
  '{"balloon":null,"drives":[{"drive_id":"rootfs","is_root_device":true,"rate_limiter":{"bandwidth":{"size":52428800,"one_time_burst":null,"refill_time":1000},"ops":{"size":2000,"one_time_burst":null,"refill_time":1000}}}],"network-interfaces":[{"iface_id":"eth0","host_dev_name":"tap0","rx_rate_limiter":{"bandwidth":{"size":12500000,"one_time_burst":1048576,"refill_time":1000},"ops":{"size":9,"one_time_burst":null,"refill_time":1000}},"tx_rate_limiter":{"bandwidth":null,"ops":{"size":9,"one_time_burst":null,"refill_time":1000}}}]}';

test("declared rates are set, and what they do not name is not limited", () => {
  const free = { size: 0, refill_time: 0 };
  const packets = { size: 9, refill_time: 1000 };
  expect(rateRequests(rates, devices)).toEqual([
    {
      method: "PATCH",
      path: "/network-interfaces/eth0",
      body: {
        iface_id: "eth0",
        rx_rate_limiter: {
          bandwidth: { size: 12_500_000, refill_time: 1000, one_time_burst: 1 << 20 },
          ops: packets,
        },
        tx_rate_limiter: { bandwidth: free, ops: packets },
      },
    },
    {
      method: "PATCH",
      path: "/drives/rootfs",
      body: {
        drive_id: "rootfs",
        rate_limiter: { bandwidth: { size: 50 << 20, refill_time: 1000 }, ops: { size: 2000, refill_time: 1000 } },
      },
    },
  ]);
  expect(rateRequests(none, devices)).toEqual([]);
  expect(rateRequests(rates, { iface: "eth0", disk: "" })).toHaveLength(1);
});

test("rates that are not declared any more are taken off", () => {
  const [network, disk] = rateRequests(none, devices, rates);
  expect(JSON.stringify([network?.body, disk?.body])).not.toMatch(/"size":[1-9]/);
});

test("a VM that boots has its rates from the start, over those of its snapshot", () => {
  const usual = usualDevices("eth0");
  expect(withRates(none, usual)).toEqual(usual);
  expect(withRates(rates, { ...usual, ifaceSettings: { mtu: 1400, rx_rate_limiter: {} } })).toMatchObject({
    ifaceSettings: { mtu: 1400, rx_rate_limiter: { ops: { size: 9 } }, tx_rate_limiter: { ops: { size: 9 } } },
    disk: { id: "rootfs", settings: { rate_limiter: { ops: { size: 2000, refill_time: 1000 } } } },
  });
});

test("the serial console is limited by a Firecracker that can", () => {
  expect(serialRequests(none, "1.15.2")).toEqual([]);
  expect(serialRequests(none, "1.16.1")).toEqual([
    { method: "PUT", path: "/serial", body: { rate_limiter: { size: 1 << 20, refill_time: 1000 } } },
  ]);
});

test.each([
  ["as declared", ANSWER, []],
  [
    "a rate that was changed",
    ANSWER.replace("12500000", "1000"),
    [
      "the network rate to the guest is 1000 bytes per second and 1048576 once, not 12500000 bytes per second and 1048576 once",
    ],
  ],
  [
    "a rate that was taken off",
    ANSWER.replace(
      '"rate_limiter":{"bandwidth":{"size":52428800,"one_time_burst":null,"refill_time":1000},',
      '"rate_limiter":{"bandwidth":null,',
    ),
    ["the disk rate is no limit of bytes, not 52428800 bytes per second"],
  ],
  [
    "another time to refill",
    ANSWER.replace(
      '"size":2000,"one_time_burst":null,"refill_time":1000',
      '"size":2000,"one_time_burst":null,"refill_time":100',
    ),
    ["the disk rate is 2000 operations per 100 ms, not 2000 operations per second"],
  ],
  [
    "no limiter at all",
    ANSWER.replace(/"tx_rate_limiter":\{.*?\}\}/, '"tx_rate_limiter":null'),
    ["the network rate from the guest is no limit of operations, not 9 operations per second"],
  ],
  ["no answer", "", ["the rates of the VMM were never set"]],
  ["an answer of something else", "[]", ["the rates of the VMM were never set"]],
])("drift: %s", (_name, answer, words) => {
  expect(rateDrift(rates, devices, limitersIn(answer))).toEqual(words);
});

test("rates that nobody declares are drift only where Hornet set some", () => {
  expect(rateDrift(none, devices, undefined)).toEqual([]);
  expect(rateDrift(none, devices, limitersIn(ANSWER))).toEqual(["the VMM has rates that are not declared any more"]);
});
