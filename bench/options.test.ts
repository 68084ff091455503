import { parseCommand } from "./options";

test("an option that is not given has its default", () => {
  expect(parseCommand([])).toEqual({
    kind: "measure",
    options: {
      baseline: undefined,
      runs: 5,
      counts: [3, 10],
      scale: [],
      add: [3, 30],
      old: undefined,
      droplets: undefined,
      guests: 10,
      size: 256,
      fill: 50,
      only: [
        "work",
        "up",
        "add",
        "jail",
        "droplets",
        "network",
        "reach",
        "bytes",
        "transfer",
        "guests",
        "identity",
        "hostile",
        "change",
      ],
      json: undefined,
      plots: undefined,
    },
  });
});

test("parts are measured in the order of the table, not of the command line", () => {
  for (const args of [
    ["--only", "network", "work"],
    ["--only", "network", "--only", "work"],
    ["--only", "network,work"],
  ]) {
    expect(parseCommand(args)).toMatchObject({ options: { only: ["work", "network"] } });
  }
});

test("several droplets are a number of them and of clones on each", () => {
  expect(parseCommand(["--droplets", "10x25"])).toMatchObject({ options: { droplets: { count: 10, each: 25 } } });
});

test.each([
  ...["10", "1x25", "10x0", "10x26", "x"].map((text): [string[], string] => [
    ["--droplets", text],
    `--droplets ${text}: it is a number of droplets and of clones on each, at most 253 together: 10x25`,
  ]),
  [["--runs", "0"], "--runs 0: it is a whole number from 1 to 1000"],
  [["--counts", "3,254"], "--counts 254: it is a whole number from 1 to 253"],
  [
    ["--only", "speed"],
    "there is no part speed to measure; there are work, up, add, jail, droplets, network, reach, bytes, transfer, guests, identity, hostile, change",
  ],
  [["--old", "/no/such"], "--old: /no/such is no checkout of Hornet: it has no bench/run.mjs"],
  [["--baseline", "/no/such"], "--baseline: /no/such is not a readable file"],
  [["--compare", "a.json"], "--compare takes the JSON files of two runs: npm run bench -- --compare A.json B.json"],
])("%j is refused", (args, message) => {
  expect(() => parseCommand(args)).toThrow(message);
});
