import { ownerCalled, ownerId, ownerLabel, ownerName } from "./owner";

const stack = { organization: "organization", project: "hornet", stack: "dev" };

test("an owner label is readable and stable, and can be parsed", () => {
  const mark = ownerLabel(stack);
  expect(mark).toMatch(/^hornet:hornet\/dev:[0-9a-f]{12}$/);
  expect(ownerLabel({ ...stack })).toBe(mark);
  expect(ownerId(mark)).toBe(mark.slice(-12));
  expect(ownerName(mark)).toBe("hornet/dev");
  expect(ownerCalled("organization/hornet/dev")).toEqual(stack);
});

test("another organization, project or stack is another owner", () => {
  const marks = [
    ownerLabel(stack),
    ownerLabel({ ...stack, organization: "other" }),
    ownerLabel({ ...stack, project: "other" }),
    ownerLabel({ ...stack, stack: "prod" }),
  ];
  expect(new Set(marks.map(ownerId)).size).toBe(4);
});

test.each([
  ["spaces and quotes", `a "b" $(c);\n'd'`],
  ["other alphabets", "größe/日本"],
  ["a colon", "a:b"],
  ["a very long name", "x".repeat(1000)],
])("%s: the owner label fits a link's alias and an nft comment", (_name, project) => {
  const mark = ownerLabel({ ...stack, project });
  expect(mark).toMatch(/^hornet:[A-Za-z0-9/._-]+:[0-9a-f]{12}$/);
  expect(Buffer.byteLength(mark)).toBeLessThan(256);
  expect(ownerId(mark)).toHaveLength(12);
});

test("two long names with the same beginning are different owners", () => {
  const mark = (end: string): string => ownerLabel({ ...stack, project: "x".repeat(500) + end });
  expect(mark("a")).not.toBe(mark("b"));
});

test("the name of a foreign label is the label", () => expect(ownerName("somebody")).toBe("somebody"));
