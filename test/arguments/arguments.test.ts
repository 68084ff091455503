/** Config, providers and the fleet component judge the same value alike, whatever its kind. */
import * as pulumi from "@pulumi/pulumi";
import { CloneFleet } from "../../components";
import { parseConfig } from "../../config/parse";
import type { FleetSpec } from "../../config/spec";
import { configAround, providers, put, resources, type Bag, type Place } from "./places";
import * as places from "./places";

beforeAll(() =>
  pulumi.runtime.setMocks(
    { call: () => ({}), newResource: ({ name, inputs }) => ({ id: name, state: inputs as object }) },
    "project",
    "stack",
    false,
    "organization",
  ),
);

const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";
const RSA_NAMED = KEY.replace("ssh-ed25519", "ssh-rsa");
const DIGEST = `sha256:${"0a".repeat(32)}`;
/** Values that no text argument takes, and no number. */
const OTHER_KINDS = [null, true, [], {}, ["x"]];
const NOT_TEXT = [...OTHER_KINDS, 7];
const NOT_WHOLE = [...OTHER_KINDS, "3", "", 1.5, NaN, Infinity, 1e21, 2 ** 53, -1];
/** Characters that a shell, a terminal or a list of words would take for something else. */
const HOSTILE = ["a\n", "a\0", "a\u0007", "a\u001b[2J", "a\u202eb", "a\u200bb", "a\u2028b", "\ud83d"];
const NOT_WORDS = [...NOT_TEXT, ...HOSTILE, "", " ", "a b", "a;b", "$(a)", "`a`", 'a"b', "a'b", "a\\b", "a|b", "ä"];
const NOT_PATHS = [
  ...[...NOT_TEXT, ...HOSTILE.map((text) => `/${text}`), "", " ", "a", "./a", "../a", "/", "//", "/a/", "/a//b"],
  ...["/a/./b", "/a/../b", "/..", `/${"x".repeat(256)}`, "/xyz".repeat(1100)],
];

interface Kind {
  readonly of: readonly Place[];
  readonly right: readonly unknown[];
  readonly wrong: readonly unknown[];
}

const kinds: Readonly<Record<string, Kind>> = {
  "an interface name": {
    of: places.interfaceNames,
    right: ["a", "br1", "fifteen-letters", "eth0.100", "_x", "9x", "Br_0-x"],
    wrong: [
      ...NOT_WORDS,
      "sixteen-letters0",
      "lo",
      "all",
      "default",
      ".",
      "..",
      ".a",
      "-a",
      "a/b",
      "a%d",
      "a:b",
      "a@b",
    ],
  },
  "the bridge's address": {
    of: places.bridgeAddresses,
    right: ["10.0.0.1/24", "10.0.0.1/30", "10.1.2.3/8", "172.16.0.1/29", "100.64.0.1/10"],
    wrong: [
      ...[...NOT_WORDS, "10.0.0.1", "10.0.0.0/24", "10.0.0.255/24", "10.0.0.1/31", "10.0.0.1/32", "10.0.0.1/7"],
      ...["10.0.0.1/33", "10.0.0.1/", "10.0.0.01/24", "10.0.0.1/024", "10.0.0.256/24", "10.0.0/24", "::1/64"],
      ...["127.0.0.1/8", "169.254.1.1/16", "224.0.0.1/24", "255.255.255.254/24", "0.0.0.1/8", "10.0.0.1/24 "],
    ],
  },
  "the tap's address": {
    of: places.tapAddresses,
    right: ["192.168.241.1/29", "192.168.241.1/30", "192.168.241.6/28", "192.168.241.254/24"],
    wrong: [...NOT_WORDS, "192.168.241.0/29", "192.168.241.7/29", "192.168.241.1/31", "192.168.241.1", "127.0.0.1/8"],
  },
  "the guests' address": {
    of: places.guestAddresses,
    right: ["192.168.241.2", "192.168.241.6"],
    wrong: [
      ...[...NOT_WORDS, "192.168.241.2/29", "192.168.241.02", "192.168.241", "192.168.241.256", "::1", "0xc0a8f102"],
      // Wrong beside the tap's address: outside its network, its own, the network's and the broadcast address.
      ...["192.168.242.2", "192.168.241.1", "192.168.241.0", "192.168.241.7"],
    ],
  },
  "a MAC address": {
    of: places.macs,
    right: ["02:fc:00:00:00:09", "02:FC:AB:CD:EF:09", "00:16:3e:00:00:01"],
    wrong: [
      ...[...NOT_WORDS, "02:fc:00:00:00", "02:fc:00:00:00:0", "02:fc:00:00:00:00:01", "02-fc-00-00-00-01"],
      ...["02fc00000001", "02:fc:00:00:00:0g", "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01"],
    ],
  },
  "a network": {
    of: places.networks,
    right: [
      "0.0.0.0/0",
      "10.0.0.0/8",
      "198.51.100.4/32:443/tcp",
      "203.0.113.128/25:1-9",
      "internet",
      "none",
      "443/tcp",
    ],
    wrong: [
      ...NOT_WORDS,
      "10.0.0.1",
      "10.0.0.1/24",
      "10.0.0.0/33",
      "10.0.0.0/",
      "::/0",
      "example",
      "0.0.0.1/0",
      "0/tcp",
    ],
  },
  "a path on the droplet": {
    of: places.paths,
    right: ["/a", "/opt/a b", "/opt/ä", "/opt/...", `/opt/${"x".repeat(255)}`],
    wrong: [...NOT_PATHS.filter((value) => !Array.isArray(value)), "~/a", "~"],
  },
  "the runtime folder": {
    of: places.socketFolders,
    right: ["/a", "/opt/a.b_c@d+e-f", `/${"x".repeat(63)}`],
    wrong: [...NOT_PATHS, "~/a", "/a b", '/a"b', "/a'b", "/a\\b", "/a$b", "/a%b", "/ä", `/${"x".repeat(64)}`],
  },
  "a path on the operator's machine": {
    of: places.operatorPaths,
    right: ["/a", "~/a", "~/.ssh/my key"],
    wrong: [...NOT_PATHS, "~", "~/", "~a/b", "~/../b", "~//b", "$HOME/a"],
  },
  "a host": {
    of: places.hosts,
    right: ["203.0.113.7", "2001:db8::7", "::1", "droplet", "a.example.org", "my_host", "1and1.example"],
    wrong: [
      ...[...NOT_WORDS, "-oProxyCommand=x", "a@b", "a:22", "[::1]", "a..b", ".a", "a.", "203.0.113", "203.0.113.300"],
      ...["a/b", "a%b", `${"x".repeat(64)}.org`, "ssh://a"],
    ],
  },
  "a login name": {
    of: places.users,
    right: ["root", "_apt", "a.b-c_d9", "Admin", "x".repeat(32)],
    wrong: [...NOT_WORDS, "-root", "9a", ".a", "a:b", "a@b", "a/b", "x".repeat(33)],
  },
  "a port": { of: places.ports, right: [1, 22, 65535], wrong: [...NOT_WHOLE, 0, 65536] },
  "seconds that may be none": { of: places.pauses, right: [0, 1, 604_800], wrong: [...NOT_WHOLE, 604_801] },
  "the rates of an interface": {
    of: places.networkRates,
    right: [{ rx: "1mbit" }, { tx: "1mbit", burst: "1MiB" }, {}, { packets: 9 }],
    wrong: [{ burst: "1MiB" }, { burst: "1MiB", packets: 9 }, { rx: 1 }, { rx: "1mbit", burst: "1mbit" }, "1mbit", []],
  },
  "the rates of a disk": {
    of: places.diskRates,
    right: [{ bytes: "1MiB", burst: "1MiB" }, { operations: 9 }, {}],
    wrong: [{ burst: "1MiB" }, { burst: "1MiB", operations: 9 }, { bytes: "1mbit" }, { operations: 0 }, 7],
  },
  seconds: { of: places.limits, right: [1, 60, 604_800], wrong: [...NOT_WHOLE, 0, 604_801] },
  "a number of clones": { of: places.fleetSizes, right: [0, 1, 2], wrong: [...NOT_WHOLE, 10_001, 10_000_000] },
  "a share of the clones": { of: places.shares, right: [1, 2, 10_000], wrong: [...NOT_WHOLE, 0, 10_001] },
  "a guest's memory": { of: places.memories, right: [16, 128, 16_777_216], wrong: [...NOT_WHOLE, 0, 15, 16_777_217] },
  vCPUs: { of: places.vcpus, right: [1, 32], wrong: [...NOT_WHOLE, 0, 33] },
  "a console's size": { of: places.consoles, right: [1, 1024], wrong: [...NOT_WHOLE, 0, 1025] },
  "a number of generations": { of: places.generations, right: [0, 1000], wrong: [...NOT_WHOLE, 1001] },
  "an authorized key": {
    of: places.authorizedKeys,
    right: [KEY, `${KEY} a@b`, `${KEY}\n`, `from="10.0.0.0/8",no-pty ${KEY} a@b`],
    wrong: [...NOT_WORDS, "ssh-ed25519 AAAA", KEY.slice(0, -1), RSA_NAMED, `${KEY}\n${KEY}`, `${KEY} a\u0007`],
  },
  "a host key": {
    of: places.hostKeys,
    right: [KEY, `${KEY} a@b`, `  ${KEY}`],
    wrong: [...NOT_WORDS, "ssh-ed25519 AAAA", KEY.slice(0, -1), RSA_NAMED, `host ${KEY}`, `${KEY}\n`],
  },
  "a signer": {
    of: places.signers,
    right: [`ops@example.org ${KEY}`, `ops@example.org namespaces="file" ${KEY}`],
    wrong: [...NOT_WORDS, KEY, `# ${KEY}`, "ops@example.org ssh-ed25519 AAAA", `ops@example.org ${KEY}\n`],
  },
  "a digest": {
    of: places.digests,
    right: [DIGEST],
    wrong: [
      ...NOT_WORDS,
      DIGEST.slice(0, -1),
      `${DIGEST}0`,
      DIGEST.slice(7),
      DIGEST.toUpperCase(),
      `md5:${DIGEST.slice(7)}`,
    ],
  },
  "a command": {
    of: places.commands,
    right: ["true", "exec ./agent 'a b' | tee \"$LOG\"", "ä"],
    wrong: [...NOT_TEXT, ...HOSTILE, "", "  ", "a\nb", "a\tb"],
  },
  "a service": {
    of: places.services,
    right: ["agent", "my-agent@1.2", "x".repeat(64)],
    wrong: [...NOT_WORDS, "a.service", "-a", ".a", "a/b", "x".repeat(65)],
  },
  "a folder's name": {
    of: places.labels,
    right: ["a", "guest-2", "x".repeat(63)],
    wrong: [...NOT_WORDS, "A", "-a", "a-", "a.b", "a_b", "../a", "x".repeat(64)],
  },
  "a device's id": {
    of: places.deviceIds,
    right: ["eth0", "NET_1", "x".repeat(64)],
    wrong: [...NOT_WORDS, "a-b", "a.b", "../a", "x".repeat(65)],
  },
  "boot arguments": {
    of: places.bootArguments,
    right: ["quiet", 'a=b c="d e"', "x".repeat(1536)],
    wrong: [...NOT_TEXT, ...HOSTILE, "", "ä", "a\tb", "x".repeat(1537)],
  },
  "an expected output": {
    of: places.outputs,
    right: ["", "ok", "two\nlines", "a\tb", "ä"],
    wrong: [...NOT_TEXT, "a\0", "a\u001b[2J", "a\u202eb", "\ud83d"],
  },
  "true or false": { of: places.switches, right: [true, false], wrong: [null, 0, 1, "true", "yes", "", [], {}] },
  "a restart rule": { of: places.restarts, right: ["always", "on-failure", "never"], wrong: [...NOT_WORDS, "Always"] },
  "a protocol": { of: places.protocols, right: ["tcp", "udp"], wrong: [...NOT_WORDS, "icmp", "TCP"] },
  "an environment": {
    of: places.environments,
    right: [
      ...[{}, { A: "1" }, { _a9: "" }, { PATH: "/bin" }, { constructor: "x" }, { N: 7 }, { B: true }, { F: 1.5 }],
      ...[{ L: "two\nlines" }, { Q: "'\"\\$`" }, { BASH_ENV: "/x" }],
    ],
    wrong: [
      ...[null, true, 7, "A=1", { "": "x" }, { "A B": "x" }, { "A-B": "x" }, { "9A": "x" }, { "A=B": "x" }, { ä: "x" }],
      ...[{ "A\n": "x" }, { "A\u202e": "x" }, { IFS: "x" }, { PWD: "x" }, { HORNET_ACTION: "x" }, { A: null }],
      ...[
        { A: [] },
        { A: {} },
        { A: "a\0b" },
        { A: "\ud83d" },
        { A: 2 ** 60 },
        JSON.parse('{"__proto__":"x"}') as unknown,
      ],
    ],
  },
};

/** What each of the three says of a value; nothing where it takes it. */
function ofConfig(place: Place, value: unknown): string[] {
  const parsed = parseConfig(put(configAround(place), place.config.split("."), value) as Bag);
  return parsed.ok ? [] : parsed.faults.map(({ path, problem }) => `${path}: ${problem}`);
}

async function ofResource(argument: string, value: unknown): Promise<string[]> {
  const [kind = "", ...path] = argument.split(".");
  const news = put(resources[kind], path, value);
  const { failures = [] } = (await providers[kind]?.check?.({}, news)) ?? {};
  return failures.map(({ property, reason }) => `${property}: ${reason}`);
}

let count = 0;
function ofFleet(place: Place, around: FleetSpec, value: unknown): string[] {
  const spec = put(around, (place.spec ?? place.config).split("."), value) as FleetSpec;
  try {
    new CloneFleet(`fleet${++count}`, { spec, droplet: { host: "192.0.2.1" } });
    return [];
  } catch (error) {
    return [(error as Error).message];
  }
}

const rows = Object.entries(kinds).flatMap(([kind, { of, right, wrong }]) =>
  of.map((place): [string, string, Place, Kind] => [kind, place.config, place, { of, right, wrong }]),
);

test.each(rows)("%s: %s with its arguments", async (_kind, _config, place, { right, wrong }) => {
  const around = parseConfig(configAround(place));
  if (!around.ok) throw new Error(JSON.stringify(around.faults));
  // The fleet judges a whole spec, whose parts are the same: some of each kind cost enough.
  const some = new Set<unknown>([...right.slice(0, 2), ...wrong.filter((_, at) => at % 7 === 0)]);
  const judged = async (value: unknown): Promise<Record<string, readonly string[]>> => ({
    config: ofConfig(place, value),
    ...(place.spec !== "" && some.has(value) && { fleet: ofFleet(place, around.spec, value) }),
    ...Object.fromEntries(
      await Promise.all(place.resources.map(async (name) => [name, await ofResource(name, value)] as const)),
    ),
  });
  for (const value of right) {
    for (const [judge, said] of Object.entries(await judged(value)))
      expect({ value, judge, said }).toEqual({ value, judge, said: [] });
  }
  for (const value of wrong) {
    const all = Object.entries(await judged(value));
    expect({ value, passed: all.filter(([, said]) => said.length === 0).map(([judge]) => judge) }).toEqual({
      value,
      passed: [],
    });
    // A reason in Hornet's own words: zod's begin with a capital.
    for (const [judge, said] of all) if (judge !== "fleet") expect(said.join("\n")).not.toMatch(/: [A-Z]/);
  }
});

test("a program that exports a key that JavaScript reorders or drops gets an error, before the engine loses it", () => {
  const text = '{"fleet":{"count":1},"clones":{"__proto__":{}}}';
  const parsed = parseConfig({ droplet: { host: "192.0.2.1" } });
  if (!parsed.ok) throw new Error("the config is right");
  const spec = { ...parsed.spec, ...(JSON.parse(text) as object) };
  expect(() => new CloneFleet("unkept", { spec, droplet: { host: "192.0.2.1" } })).toThrow(
    "no key may be named __proto__",
  );
});
