import { pack, UNKNOWN, unpack } from "./packed";

const packs = { one: ["a", "b"], two: ["c"] };

test.each<[string, object, object]>([
  ["all members", { a: 1, b: { x: [2] }, c: "3" }, { one: '{"a":1,"b":{"x":[2]}}', two: '{"c":"3"}' }],
  ["members in the order of the group, not of the bag", { b: 2, a: 1 }, { one: '{"a":1,"b":2}' }],
  ["what is in no group stays", { a: 1, env: { K: "v" } }, { one: '{"a":1}', env: { K: "v" } }],
  ["what is not given is not there", { a: undefined, c: 3 }, { two: '{"c":3}' }],
  ["nothing", {}, {}],
])("%s", (_name, bag, packed) => {
  const found = pack(packs, bag as Record<string, unknown>);
  expect(found).toEqual(packed);
  expect(Object.keys(found)).toEqual(Object.keys(packed).sort((x, y) => order(x) - order(y)));
  expect(unpack(packs, found)).toEqual(JSON.parse(JSON.stringify(bag)));
});

/** What is in no group comes first. */
function order(key: string): number {
  return ["one", "two"].indexOf(key);
}

const hex = "0123456789abcdef".repeat(4);

test("a digest that names a folder too stands once, whatever else is in the text", () => {
  const bag = { a: { digest: `sha256:${hex}`, folder: `/opt/${hex}`, disk: `/opt/${hex}/disk` }, b: "/{digest}" };
  const { one } = pack(packs, bag) as { one: string };
  expect(one.split(hex)).toHaveLength(2);
  expect((JSON.parse(one) as typeof bag).a.folder).toBe("/opt/{digest}");
  expect(unpack(packs, { one })).toEqual(bag);
  const other = { a: { digest: "sha256:0", folder: `/opt/${hex}` }, b: "{digest}" };
  expect(unpack(packs, pack(packs, other))).toEqual(other);
});

test.each<[string, object, object]>([
  ["what never was packed, as a state of before has it", { a: 1, c: 3, more: 4 }, { a: 1, c: 3, more: 4 }],
  ["what stands by itself wins", { one: '{"a":1,"b":2}', b: 3 }, { a: 1, b: 3 }],
  ["of a group that is not known no member is", { one: UNKNOWN, two: '{"c":3}' }, { a: UNKNOWN, b: UNKNOWN, c: 3 }],
  ["a group that is no text", { one: { a: 1 } }, { one: { a: 1 } }],
  ["a text that is no JSON, or no object", { one: "{", two: "[1]" }, {}],
])("unpacks %s", (_name, bag, flat) => {
  expect(unpack(packs, bag as Record<string, unknown>)).toEqual(flat);
});
