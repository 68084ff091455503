import type { Observation } from "../sandbox/droplet";
import { Driver, effectsOf, messageWhenFailing } from "../test/support/scratchProvider";
import { declared, other, owner, Stage } from "../test/support/scratchStage";
import { finishMade } from "./begun";
import { clonePacks } from "./clone";
import { unpack } from "./packed";

jest.setTimeout(120_000);

const stage = Stage.use({
  withVmm: true,
  undo: async () => {
    await template.delete();
    await base.delete();
  },
});

let base: Driver;
let template: Driver;
let there: Observation;

beforeEach(async () => {
  base = await stage.bridge();
  await base.create();
  template = await stage.artifact();
  await template.create();
  there = await stage.observe();
});

const made = (): unknown => template.outs.artifact;
const pidOf = (): Promise<string> => stage.run("cut -d' ' -f1,2 /opt/swarm/runtime/vm7/vmm.pid");

test("created, as declared, deleted, deleted again; what is as usual is not kept", async () => {
  const one = await stage.clone(made());
  const outs = await one.create();
  expect(outs).toMatchObject({ ready: false, identityWay: "service", ...declared });
  expect(await one.read()).toMatchObject({ id: "vm7", ...declared });
  const usual = ["runtimeDir", "tap", "tapMac", "tapAddress", "guestAddress", "firecracker", "publish", "smokeTests"];
  for (const bag of [one.inputs, outs]) {
    const kept = unpack(clonePacks, bag);
    expect(kept).toMatchObject({ namespace: "vm7", bridge: "br0", name: "vm7" });
    expect(usual.filter((key) => key in kept)).toEqual([]);
  }
  await one.delete();
  expect((await one.read()).id).toBe("");
  await one.delete();
  expect(await stage.changesSince(there)).toEqual([]);
});

test("drift of every part is said together, and mended by one update under a VM that lives on", async () => {
  const one = await stage.clone(made());
  await one.create();
  const pid = await pidOf();
  const inside = "nsenter --net=/run/netns/vm7";
  await stage.repairs(one, "ip link set veth7h down", "veth7h down");
  await stage.repairs(one, `${inside} nft delete table ip hornet`, "nft table hornet missing");
  await stage.repairs(
    one,
    `ip -n vm7 link set lo down; ${inside} nft flush chain ip hornet prerouting; rm /opt/swarm/runtime/vm7/disk-used`,
    "lo down; nft rule DNAT missing; the mark on the disk of vm7 is missing",
  );
  expect(await pidOf()).toBe(pid);
  await stage.repairs(one, "ip netns del vm7", "namespace vm7 missing; VMM runs outside of namespace vm7");
  expect(await pidOf()).not.toBe(pid);
  await one.delete();
  expect(await stage.changesSince(there)).toEqual([]);
});

test("a change touches the part that it is of, and no other", async () => {
  const one = await stage.clone(made());
  await one.create();
  await finishMade({ owner });
  const changing = (change: object): Promise<string[]> =>
    effectsOf(stage.droplet.folder, () => one.update({ ...change }));
  expect(await changing({})).toEqual([]);
  expect(await changing({ publish: [{ port: 80, guestPort: 8080 }] })).toEqual(["vm7/rules"]);
  expect(await changing({ isolated: false })).toEqual(["vm7/claim", "vm7/links"]);
  expect(await changing({ env: { API_KEY: "other" } })).toEqual(["vm7/untold", "vm7/record", "vm7/send", "vm7/told"]);
  expect(await changing({ readyTimeout: 0, smokeTests: [{ command: "true" }] })).toEqual([]);
  expect(await one.read()).toMatchObject(declared);
  await one.delete();
});

test("each step of a create failing in turn is said and leaves nothing", async () => {
  const probe = await stage.clone(made());
  const effects = await effectsOf(stage.droplet.folder, () => probe.create());
  await probe.delete();
  expect(effects).toEqual(expect.arrayContaining(["vm7/claim", "vm7/links", "vm7/rules", "vm7/disk", "vm7/restore"]));
  for (const effect of new Set(effects)) {
    const one = await stage.clone(made());
    const message = await messageWhenFailing(effect, () => one.create());
    expect(message).toContain(`injected failure at ${effect}`);
    expect(message).not.toContain("very'secret");
    expect({ effect, left: await stage.changesSince(there) }).toEqual({ effect, left: [] });
  }
});

test("what a run that was cut off left is taken up with its VM and its disk, also by a create that fails", async () => {
  const lost = await stage.clone(made());
  await lost.create();
  const pid = await pidOf();
  const again = await stage.clone(made());
  expect(await messageWhenFailing("vm7/send", () => again.create())).toContain("injected failure at vm7/send");
  await again.create();
  expect(await pidOf()).toBe(pid);
  expect(await again.read()).toMatchObject(declared);
  await again.delete();
  expect(await stage.changesSince(there)).toEqual([]);
});

test("until what is told of all clones comes, it is noted as begun: only then the state has it", async () => {
  const one = await stage.clone(made());
  await one.create();
  expect(await stage.run("cat /opt/swarm/runtime/vm7/begun")).toBe("yes\n");
  await finishMade({ owner: other });
  expect(await stage.run("cat /opt/swarm/runtime/vm7/begun")).toBe("yes\n");
  await finishMade({ owner });
  expect(await stage.run("cat /opt/swarm/runtime/vm7/begun")).toBe("");
  await one.delete();
  expect(await stage.changesSince(there)).toEqual([]);
});
