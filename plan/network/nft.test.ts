import { fingerprint, renderTable, tableDrift } from "./nft";
import type { ObservedTable } from "../../model/observed";

const seen: ObservedTable = {
  name: "t",
  chains: ["in nat prerouting -100 accept", "out nat postrouting 100 accept"],
  rules: [
    { comment: "DNAT", text: 'in [{"a":1}]' },
    { comment: "SNAT", text: 'out [{"b":1}]' },
  ],
};
const recorded = fingerprint(seen);
const without = (at: number): ObservedTable => ({ ...seen, rules: seen.rules.filter((_rule, index) => index !== at) });
const [dnat, snat] = seen.rules as [ObservedTable["rules"][number], ObservedTable["rules"][number]];

test("renderTable yields one transaction that replaces the table", () => {
  const text = renderTable({
    name: "t",
    owner: "hornet:p/s:1",
    chains: [
      { name: "in", base: "type nat hook prerouting priority dstnat; policy accept;", rules: [] },
      {
        name: "out",
        base: "type nat hook postrouting priority srcnat; policy accept;",
        rules: [
          { label: "A", text: "ip saddr 10.0.0.1 accept" },
          { label: "B", text: "drop" },
        ],
      },
    ],
  });
  expect(text).toBe(`add table ip t
delete table ip t
table ip t {
  comment "hornet:p/s:1"
  chain in {
    type nat hook prerouting priority dstnat; policy accept;
  }
  chain out {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr 10.0.0.1 accept comment "A"
    drop comment "B"
  }
}
`);
});

test("a fingerprint names each chain and rule, and equal tables have equal fingerprints", () => {
  expect(recorded.map((entry) => entry.split(": ")[0])).toEqual(["chain in", "chain out", "rule DNAT", "rule SNAT"]);
  expect(fingerprint(structuredClone(seen))).toEqual(recorded);
  expect(fingerprint({ name: "t", chains: [], rules: [{ comment: "", text: "x" }] })[0]).toMatch(
    /^rule without a name: [0-9a-f]{16}$/,
  );
});

test.each<[string, ObservedTable | undefined, string[]]>([
  ["nothing", seen, []],
  ["the table gone", undefined, ["nft table t missing"]],
  ["flushed", { ...seen, rules: [] }, ["nft rule DNAT missing", "nft rule SNAT missing"]],
  ["one rule gone", without(0), ["nft rule DNAT missing"]],
  ["a chain gone", { ...seen, chains: seen.chains.slice(1) }, ["nft chain in missing"]],
  [
    "a foreign rule",
    { ...seen, rules: [...seen.rules, { comment: "", text: "in []" }] },
    ["nft rule without a name is not Hornet's"],
  ],
  ["a rule changed", { ...seen, rules: [{ ...dnat, text: "in []" }, snat] }, ["nft rule DNAT changed"]],
  [
    "a policy changed",
    { ...seen, chains: ["in nat prerouting -100 drop", "out nat postrouting 100 accept"] },
    ["nft chain in changed"],
  ],
  ["the order changed", { ...seen, rules: [snat, dnat] }, ["nft rules of t are in another order"]],
  ["a rule twice", { ...seen, rules: [dnat, dnat, snat] }, ["nft table t contains a rule twice"]],
])("drift: %s", (_name, now, drift) => {
  expect(tableDrift("t", recorded, now)).toEqual(drift);
});
