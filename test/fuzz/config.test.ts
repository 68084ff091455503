import fc from "fast-check";
import { parseConfig } from "../../config/parse";
import { planFleet } from "../../model/names";
import { fuzz } from "./harness";

const KEYS =
  "droplet host user port timeout hostKey local bridge name address guest tapName snapshot boot memory vcpus kernel rootfs dir digest vmm runtimeDir firecracker fleet count startId readyTimeout identity env agent clones 0 1 publish egress allow __proto__ constructor".split(
    " ",
  );
const value = fc.oneof(
  fc.constantFrom<unknown>(
    0,
    1,
    3,
    -1,
    2_200_000,
    2 ** 31,
    1e300,
    true,
    false,
    null,
    "10.0.0.1/24",
    "/a b",
    "~/x",
    "vm",
  ),
  fc.constantFrom("\u202e", "a\nb", "$(x)", "[1,", "{}", '{"count":5}', "203.0.113.10"),
  fc.string({ unit: "binary", maxLength: 10 }),
);
const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
  tree: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    value,
    fc.dictionary(fc.constantFrom(...KEYS), tie("tree"), { maxKeys: 6, noNullPrototype: true }),
    fc.array(tie("tree"), { maxLength: 3 }),
  ),
}));
/** A part of them is nearly right, or nothing would ever be accepted. */
const config = fc
  .tuple(fc.boolean(), fc.dictionary(fc.constantFrom(...KEYS), tree, { maxKeys: 5, noNullPrototype: true }))
  .map(([near, rest]) => (near ? { droplet: { host: "203.0.113.10" }, ...rest } : rest));

test("config: any config is accepted or refused with faults, and an accepted one can be planned", async () => {
  await fuzz({
    name: "config",
    inputs: config,
    check: (raw) => {
      const parsed = parseConfig(raw);
      if (!parsed.ok) {
        expect(parsed.faults.length).toBeGreaterThan(0);
        return;
      }
      if (parsed.spec.fleet.count > 1000) return;
      expect(planFleet(parsed.spec)).toHaveLength(parsed.spec.fleet.count);
    },
  });
});
