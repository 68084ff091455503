import { limitsSchema, ratesSchema } from "../../model/arguments/limits";
import { unlimited } from "./unlimited";

const all = (): undefined => undefined;
const clone = (name: string, limits: object, rates: object) => ({
  name,
  limits: limitsSchema.parse(limits),
  rates: ratesSchema.parse(rates),
});
const full = [
  { cpus: 1, memory: 320 },
  { network: { rx: "1mbit", tx: "1mbit" }, disk: { bytes: "1MiB" } },
] as const;

test("what a config leaves without a limit, with the key that limits it", () => {
  expect(unlimited([clone("vm0", ...full)], all)).toEqual([]);
  expect(unlimited([clone("vm0", {}, {}), clone("vm1", ...full)], all)).toEqual([
    "CPU time of vm0 (hornet:vmm.limits.cpus)",
    "memory of vm0 (hornet:vmm.limits.memory)",
    "network traffic to the guest of vm0 (hornet:vmm.rates.network.rx)",
    "network traffic from the guest of vm0 (hornet:vmm.rates.network.tx)",
    "disk traffic of vm0 (hornet:vmm.rates.disk.bytes)",
  ]);
  expect(unlimited([clone("vm0", { memory: 320 }, {})], all)).toContain("CPU time (hornet:vmm.limits.cpus)");
  expect(unlimited([], all)).toEqual([]);
});

test("a controller that the droplet does not offer limits nothing", () => {
  const onlyCpu = (controller: string): string | undefined => (controller === "cpu" ? undefined : `no ${controller}`);
  expect(unlimited([clone("vm0", ...full)], onlyCpu)).toEqual([
    "memory: hornet:vmm.limits.memory limits nothing: no memory",
    "processes: hornet:vmm.limits.pids limits nothing: no pids",
  ]);
});
