import fc from "fast-check";
import { parseFacts } from "../../host/facts";
import { accepted, fuzz } from "./harness";

/** Names and values that have led parsers astray. */
const word = fc.oneof(
  fc.constantFrom(
    "vm0",
    "__proto__",
    "constructor",
    "toString",
    "adopted",
    "hornet:p/s:1",
    "0",
    "1",
    "-1",
    "1e999",
    "",
  ),
  fc.string({ unit: "binary", maxLength: 12 }),
);
const kinds =
  "stamp links forwarding tables namespaces consoles metrics bridge owners claim unmarked begun inside vm api busy".split(
    " ",
  );
const link = fc.record(
  {
    ifname: word,
    flags: fc.array(fc.constantFrom("UP", "LOWER_UP", "__proto__"), { maxLength: 3 }),
    address: word,
    ifalias: word,
    addr_info: fc.array(fc.record({ family: fc.constantFrom("inet", "inet6"), local: word, prefixlen: fc.integer() })),
  },
  { requiredKeys: ["ifname", "flags"] },
);
const rule = fc.record({
  rule: fc.record({ chain: word, comment: word, expr: fc.array(fc.json(), { maxLength: 3 }) }),
});
const table = fc.record({
  nftables: fc.array(fc.oneof(rule, fc.record({ table: fc.record({ name: word }) }), fc.dictionary(word, word)), {
    maxLength: 4,
  }),
});
const json = (value: fc.Arbitrary<unknown>): fc.Arbitrary<string> => value.map((one) => JSON.stringify(one));
const vmKeys = ["pid", "alive", "recorded", "exit", "start", "disk", "disk_was", "told", "mode", "record.__proto__"];
const vmLines = fc
  .array(fc.tuple(fc.constantFrom(...vmKeys), word), { maxLength: 8 })
  .map((lines) => lines.map(([key, value]) => `${key}=${value}\n`).join(""));
const body = fc.oneof(
  json(fc.array(link, { maxLength: 3 })),
  json(table),
  vmLines,
  json(fc.record({ id: word, state: word, vmm_version: word })),
  fc.json(),
  fc.string({ unit: "binary", maxLength: 80 }),
);
const section = fc
  .tuple(fc.oneof(fc.constantFrom(...kinds), word), fc.array(word, { maxLength: 3 }), fc.array(body, { maxLength: 4 }))
  .map(([kind, words, bodies]) => `\x1d${[kind, ...words].join(" ")}\n${bodies.join("\n")}`);

test("facts: any answer of a droplet is read or refused", async () => {
  await fuzz({
    name: "facts",
    inputs: fc.array(section, { maxLength: 8 }).map((parts) => parts.join("")),
    check: (text) => {
      const facts = accepted(() => parseFacts(text));
      if (facts !== undefined) expectSound(facts);
    },
  });
});

/** No name becomes a prototype, no number is NaN or endless: plans compare and compute with all of it. */
function expectSound(value: unknown): void {
  if (typeof value === "number" && !Number.isSafeInteger(value)) throw new Error(`a number is ${value}`);
  if (typeof value !== "object" || value === null) return;
  if (![Object.prototype, Array.prototype].includes(Object.getPrototypeOf(value) as object)) {
    throw new Error("an object got another prototype");
  }
  for (const inner of Object.values(value)) expectSound(inner);
}
