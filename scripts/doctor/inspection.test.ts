/** What doctor tells of stacks that share a droplet and its bridge. */
import { specOf } from "../../config/testing";
import { gatherFacts } from "../../host/facts";
import type { Observed } from "../../model/observed";
import { ownerLabel } from "../../model/owner";
import { bridgeTableName } from "../../plan/network/bridge";
import { sessions, type Driver } from "../../test/support/scratchProvider";
import { Stage } from "../../test/support/scratchStage";
import { inspect, NOBODY, type Inspection } from "./inspection";
import { labelsOn, type Labels } from "./label";

jest.setTimeout(120_000);

const stage = Stage.use();
const labelOf = (stack: string, organization = "organization"): string =>
  ownerLabel({ organization, project: "hornet", stack });
const [dev, prod] = [labelOf("dev"), labelOf("prod")];
const runtime = "/opt/swarm/runtime";
const spec = specOf({ droplet: { local: true }, fleet: { count: 1, smokeTests: [] } });

function gather(owner: string): Promise<Observed> {
  const vars = { runtime_dir: runtime, vmm_timeout_ms: "1000", owner };
  return gatherFacts(sessions.of(stage.droplet.connection), vars, { ignoreLock: true });
}

/** Examines the droplet as doctor does. */
async function examine(stack: string, knownAs?: string): Promise<Inspection & { labels: Labels }> {
  const labels = labelsOn(await gather(NOBODY), stack, knownAs, () => false);
  const owner = labels.own ?? NOBODY;
  return { labels, ...inspect(spec, owner, await gather(owner), "") };
}

const bridges: Driver[] = [];

async function bridgeOf(label: string): Promise<void> {
  const bridge = await stage.bridge({}, label);
  bridges.push(bridge);
  await bridge.create();
}

async function withBridges(labels: readonly string[], work: () => Promise<void>): Promise<void> {
  try {
    for (const label of labels) await bridgeOf(label);
    await work();
  } finally {
    for (const bridge of bridges.splice(0).reverse()) await bridge.delete();
  }
}

const absent = "vm0 is not there";

test("a stack whose first up failed after its bridge has its own labels, also on a bridge of another stack", () =>
  withBridges([dev, prod], async () => {
    expect(await examine("dev")).toMatchObject({
      labels: { own: dev, others: [prod], namesakes: [] },
      owned: ["bridge br0 (ours)"],
      drift: [absent],
    });
    expect(await examine("prod")).toMatchObject({
      labels: { own: prod, others: [dev] },
      owned: ["bridge br0 (adopted)"],
      drift: [absent],
    });
  }));

test("a stack that has nothing on the droplet finds no fault with another stack's bridge", () =>
  withBridges([dev], async () => {
    expect(await examine("third")).toMatchObject({
      labels: { own: undefined, others: [dev] },
      owned: [],
      drift: ["nft rule masquerade missing", absent],
    });
  }));

test("a lost folder, label or table of one stack is drift of that stack alone", () =>
  withBridges([dev, prod], async () => {
    const id = prod.slice(-12);
    await stage.run(`mv ${runtime}/.bridge-br0-${id} /opt/kept`);
    try {
      // Its table alone names it.
      expect(await examine("prod")).toMatchObject({
        labels: { own: prod },
        drift: ["the folder of br0 lost its owner label", absent],
      });
      expect(await examine("dev")).toMatchObject({ drift: [absent] });
    } finally {
      await stage.run(`mv /opt/kept ${runtime}/.bridge-br0-${id}`);
    }
    await stage.run(`nft delete table ip ${bridgeTableName(prod, "br0")}`);
    expect(await examine("prod")).toMatchObject({ drift: ["nft rule masquerade missing", absent] });
    expect(await examine("dev")).toMatchObject({ drift: [absent] });
    await stage.run("ip link set br0 alias ''");
    expect(await examine("dev")).toMatchObject({ drift: ["br0 lost its owner label", absent] });
    expect(await examine("prod")).toMatchObject({ drift: ["nft rule masquerade missing", absent] });
    await stage.run(`ip link set br0 alias ${dev}`);
  }));

test("a stack that was renamed is found by its former name, and one of another organization is not it", async () => {
  const namesake = labelOf("dev", "other");
  await withBridges([dev, namesake], async () => {
    const { labels } = await examine("renamed", "organization/hornet/dev");
    expect(labels).toEqual({ own: dev, others: [namesake], namesakes: [] });
    const recorded = labelsOn(await gather(NOBODY), "dev", undefined, (label) => label === namesake);
    expect(recorded).toEqual({ own: namesake, others: [dev], namesakes: [dev] });
  });
});
