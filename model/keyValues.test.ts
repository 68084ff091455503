import { parseKeyValues } from "./keyValues";

test('a value may be empty or contain "=", and a line without "=" is left out', () => {
  const values = parseKeyValues("cpu=Intel(R) = fast\nnone=\n\nno value\nlast=1");
  expect([...values]).toEqual([
    ["cpu", "Intel(R) = fast"],
    ["none", ""],
    ["last", "1"],
  ]);
});
