/** DEV with two droplets proves a snapshot, and PROD with two droplets gets it: real guests, each droplet reached over ssh. */
import { readFileSync } from "node:fs";
import { longTest } from "../support/longTest";
import { Stacks } from "../support/stacks";
import { settings, limitMs } from "../support/settings";
import { changes } from "../support/scratchDroplet";

jest.setTimeout(limitMs(1800));

const NAMES = ["dev-one", "dev-two", "prod-one", "prod-two"] as const;

let stacks: Stacks;

afterEach(async () => {
  await stacks.end();
});

interface Outputs {
  readonly snapshot: { readonly digest: string; readonly proved: string };
  readonly snapshotDigest: string;
  readonly timings: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

async function outputs(stack: string): Promise<Outputs> {
  return (await stacks.outputs(stack)) as Outputs;
}

function droplets(stack: string, firstId: number): Readonly<Record<string, Readonly<Record<string, unknown>>>> {
  return {
    droplet: {},
    droplets: {
      one: { simulated: `${stack}-one`, count: 1, startId: firstId },
      two: { simulated: `${stack}-two`, count: 1, startId: firstId + 10 },
    },
  };
}

longTest(
  "a snapshot that all droplets of DEV have proved is promoted to all droplets of PROD, and rolls there",
  async () => {
    stacks = await Stacks.beginWith(settings(), NAMES, ["dev", "prod"]);
    const before = await Promise.all(NAMES.map((name) => stacks.observe(name)));
    const [dev, prod] = [droplets("dev", 0), droplets("prod", 100)];
    stacks.configure("dev", { ...dev, snapshot: { boot: { memory: 96 } } });
    await stacks.up("dev");
    const first = (await outputs("dev")).snapshot;
    expect(first.proved).toBe(first.digest);

    stacks.configure("prod", { ...prod, snapshot: { from: { stack: "dev" } } });
    const promote = ["promote", "dev", "prod", "--cwd", stacks.project] as const;
    expect(await stacks.tryNpm(...promote)).toMatchObject({ code: 0 });
    await stacks.up("prod");
    const promoted = await outputs("prod");
    expect(promoted.snapshot).toMatchObject({ digest: first.digest, proved: first.digest });
    // One droplet brings it, the other one takes it from there or from the same source.
    expect(["one", "two"].map((name) => Object.keys(promoted.timings[`${name}-snapshot`] ?? {}))).toEqual([
      ["transfer"],
      ["transfer"],
    ]);
    for (const name of ["vm100", "vm110"]) expect(await stacks.in("prod", name, "hostname")).toBe(name);

    // The next one fails its smoke test on DEV's second droplet: the clone goes back there, and nothing else can be promoted.
    const fleet = { smokeTests: [{ command: "test $(hostname) != vm10" }] };
    stacks.configure("dev", { ...dev, fleet, snapshot: { boot: { memory: 112 } } });
    const failed = await stacks.tryPulumi("up", "--yes", "--skip-preview", "-s", "dev");
    expect(failed.code).not.toBe(0);
    expect(failed.stdout + failed.stderr).toContain("vm10 did not come up on sha256:");
    await stacks.tryNpm(...promote);
    expect(readFileSync(stacks.configFile("prod"), "utf8")).toContain(`digest: ${first.digest}`);

    // Then all of DEV proves it, and PROD rolls.
    stacks.configure("dev", { ...dev, snapshot: { boot: { memory: 112 } } });
    await stacks.up("dev");
    const second = (await outputs("dev")).snapshot;
    expect(second.proved).toBe(second.digest);
    expect(second.digest).not.toBe(first.digest);
    expect(await stacks.tryNpm(...promote)).toMatchObject({ code: 0 });
    await stacks.up("prod");
    expect((await outputs("prod")).snapshot).toMatchObject({ digest: second.digest, proved: second.digest });
    for (const stack of ["prod", "dev"]) await stacks.pulumi("destroy", "--yes", "--skip-preview", "-s", stack);
    const after = await Promise.all(NAMES.map((name) => stacks.observe(name)));
    expect(after.map((now, at) => changes(before[at] ?? {}, now))).toEqual([[], [], [], []]);
  },
);
