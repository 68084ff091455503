import { z } from "zod";
import { withoutDefaults } from "./lean";

const schema = z.object({
  name: z.string(),
  ports: z.array(z.number()).default([]),
  limit: z.number().default(60),
  note: z.string().optional(),
  inner: z.object({ path: z.string(), user: z.string().default("root") }),
});

test.each([
  [
    { name: "a", ports: [], limit: 60, note: undefined, inner: { path: "/a", user: "root" } },
    { name: "a", inner: { path: "/a" } },
  ],
  [
    { name: "", ports: [1], limit: 0, note: "", inner: { path: "", user: "me" } },
    { name: "", ports: [1], limit: 0, note: "", inner: { path: "", user: "me" } },
  ],
])("what is left of %j", (data, left) => {
  expect(withoutDefaults(schema, data)).toEqual(left);
  expect(schema.parse(withoutDefaults(schema, data))).toEqual(JSON.parse(JSON.stringify(data)));
});

test("of an object that may be of several forms, by the one that it has", () => {
  const either = z.object({
    to: z.union([
      z.strictObject({ local: z.literal(true) }),
      z.strictObject({ host: z.string(), port: z.number().default(22) }),
    ]),
  });
  expect(withoutDefaults(either, { to: { host: "h", port: 22 } })).toEqual({ to: { host: "h" } });
  expect(withoutDefaults(either, { to: { host: "h", port: 23 } })).toEqual({ to: { host: "h", port: 23 } });
  expect(withoutDefaults(either, { to: { local: true } })).toEqual({ to: { local: true } });
  expect(withoutDefaults<object>(either, { to: { other: 22 } })).toEqual({ to: { other: 22 } });
});

test("what the schema does not know, or is of another form, stays", () => {
  const data = { name: 1, more: true, limit: "60", inner: "later" };
  expect(withoutDefaults<object>(schema, data)).toEqual(data);
});
