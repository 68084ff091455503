import { mergeCopy } from "./merge";

const secret = { secure: "v1:sealed" };

test.each([
  ["the first copy equals the file", undefined, { config: { a: 1 } }, undefined, { config: { a: 1 } }],
  ["a value set in the copy stays", { a: 1 }, { a: 1 }, { a: 2, salt: "s" }, { a: 2, salt: "s" }],
  ["a value that changed in the file wins", { a: 1, b: 1 }, { a: 3, b: 1 }, { a: 2, b: 2 }, { a: 3, b: 2 }],
  ["a key removed from the copy stays removed", { a: 1, b: 1 }, { a: 1, b: 1 }, { a: 1 }, { a: 1 }],
  ["a key removed from the file is removed", { a: 1, b: 1 }, { a: 1 }, { a: 1, b: 1 }, { a: 1 }],
  [
    "a secret beside a key that changed stays",
    { env: { A: "1" } },
    { env: { A: "2" } },
    { env: { A: "1", KEY: secret } },
    { env: { A: "2", KEY: secret } },
  ],
  [
    "a secret stays when the file loses its mapping",
    { env: { A: "1" } },
    {},
    { env: { A: "1", KEY: secret } },
    { env: { KEY: secret } },
  ],
  ["a mapping removed from the file leaves nothing", { env: { A: "1" } }, {}, { env: { A: "1" } }, {}],
  ["a list is one value", { l: [1, 2] }, { l: [1, 3] }, { l: [9] }, { l: [1, 3] }],
  ["a secret is one value", { k: "a" }, { k: "a" }, { k: secret }, { k: secret }],
  ["without a base the file's keys win", undefined, { a: 1 }, { a: 2, salt: "s" }, { a: 1, salt: "s" }],
  ["an emptied file empties the copy", { config: { a: 1 } }, {}, { config: { a: 1 }, salt: "s" }, { salt: "s" }],
])("%s", (_name, base, file, copy, expected) => {
  expect(mergeCopy(base, file, copy)).toEqual(expected);
});
