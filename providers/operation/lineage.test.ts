import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { changes } from "../../test/support/scratchDroplet";
import { Driver, newOperation } from "../../test/support/scratchProvider";
import { providersOf } from "../kinds";
import { declared, owner, snapshots, Stage, type WholeClone } from "../../test/support/scratchStage";
import { definition as checkDefinition } from "../droplet/check";
import { definition as claimDefinition } from "../droplet/claim";
import { definition as limitsDefinition } from "../droplet/limits";

jest.setTimeout(180_000);

const stage = Stage.use({ withVmm: true });
const runtimeDir = "/opt/swarm/runtime";
const claimFile = `${runtimeDir}/.claim-${owner.slice(-12)}/lineage`;
const texts: string[] = [];

// Its own: it removes the records, and tests that run beside this one would make a second lineage for their fleets.
const records = mkdtempSync(join(tmpdir(), "hornet-records-"));
process.env.XDG_STATE_HOME = records;
afterAll(() => rmSync(records, { recursive: true, force: true }));

beforeEach(() => {
  texts.length = 0;
  jest.spyOn(process.stderr, "write").mockImplementation((text) => texts.push(String(text)) > 0);
});
afterEach(() => {
  jest.restoreAllMocks();
  for (const name of ["PULUMI_BACKEND_URL", "HORNET_TAKE_OVER"]) Reflect.deleteProperty(process.env, name);
});

/** Makes every operation that follows one of an operator whose states are in this backend. */
function operator(name: string): void {
  process.env.PULUMI_BACKEND_URL = `file:///home/${name}/state`;
}

function claim(props: object = {}): Promise<Driver> {
  const droplet = stage.droplet.connection;
  return Driver.of(claimDefinition, { droplet, owner, runtimeDir, dir: snapshots, namespaces: ["vm7"], ...props });
}

/** Every kind of resource that changes a droplet, for a fleet of one clone. */
async function fleet(artifact: unknown): Promise<Record<string, WholeClone>> {
  const droplet = stage.droplet.connection;
  const common = { droplet, owner, runtimeDir };
  return {
    check: await Driver.of(checkDefinition, { ...common, dir: snapshots, namespaces: ["vm7"] }),
    claim: await claim(),
    limits: await Driver.of(limitsDefinition, { ...common, clones: 1 }),
    consoles: await stage.consoles(),
    metrics: await stage.metrics({ folder: "/run/figures" }),
    bridge: await stage.bridge(),
    artifact: await stage.artifact(),
    clone: await stage.clone(artifact),
    network: await stage.namespace({ namespace: "vm8", hostVeth: "veth8h", address: "10.0.0.10/24" }),
    rules: await stage.nat(),
    vm: await stage.vm(artifact),
  };
}

async function begin(): Promise<{ bridge: Driver; template: Driver; clone: WholeClone }> {
  const bridge = await stage.bridge();
  await bridge.create();
  const template = await stage.artifact();
  await template.create();
  const clone = await stage.clone(template.outs.artifact);
  await clone.create();
  return { bridge, template, clone };
}

const refused =
  /belongs to another state: \S+@\S+ claimed it on 20\S+Z for the stack p\/one in the backend file:\/\/\/home\/ann\/state \(lineage [0-9a-f]{16}\); nothing was changed\n {2}next: .*HORNET_TAKE_OVER=[0-9a-f]{16}/;

test("a state with the same names in another backend changes nothing and learns who owns the fleet; a takeover is explicit", async () => {
  operator("ann");
  const { bridge, template, clone } = await begin();
  const { lineage } = bridge.outs;
  expect(clone.outs.lineage).toBe(lineage);
  expect(await stage.run(`stat -c '%U %a' ${claimFile} ${runtimeDir}/.claim-*`)).toBe("root 600\nroot 700\n");

  operator("bob");
  const kept = await stage.observe();
  const theirs = await fleet(template.outs.artifact);
  const verdicts: Record<string, string> = {};
  for (const [kind, one] of Object.entries(theirs)) {
    verdicts[kind] = await one.create().then(
      () => "made",
      (error: unknown) => String(error),
    );
  }
  for (const [kind, said] of Object.entries(verdicts))
    expect([kind, said]).toEqual([kind, expect.stringMatching(refused)]);
  // Their state may know such resources from another time.
  const foreign = { lineage: "0123456789abcdef" };
  await theirs.claim?.delete(foreign);
  await theirs.bridge?.delete({ ...foreign, adopted: false, rules: [], before: "" });
  expect(texts.join("")).toContain("belongs to another state by now");
  expect(changes(kept, await stage.observe())).toEqual([]);

  // The step names whose fleet it takes; a name of somebody else opens nothing.
  process.env.HORNET_TAKE_OVER = "0123456789abcdef";
  await expect(theirs.bridge?.create()).rejects.toThrow(refused);
  process.env.HORNET_TAKE_OVER = String(lineage);
  await theirs.bridge?.create();
  await theirs.clone?.create();
  Reflect.deleteProperty(process.env, "HORNET_TAKE_OVER");
  expect(await theirs.clone?.read()).toMatchObject(declared);

  // The state that lost it is told in a preview, changes nothing, and its destroy ends well.
  operator("ann");
  const after = await stage.observe();
  const read = await clone.read();
  expect(read.condition).toMatch(/belongs to another state: .*file:\/\/\/home\/bob\/state/);
  const { FirecrackerVM } = providersOf(newOperation());
  const checked = await FirecrackerVM.check?.({ condition: read.condition }, clone.inputs);
  expect(checked?.failures).toEqual([{ property: "", reason: read.condition }]);
  await expect(clone.update()).rejects.toThrow("belongs to another state");
  for (const one of [clone, template, bridge]) await one.delete();
  expect(changes(after, await stage.observe())).toEqual([]);

  operator("bob");
  const swept = await claim();
  await swept.create();
  await swept.delete();
  expect(await stage.changesSince(stage.before)).toEqual([]);
});

test("the operator's record identifies a lost state, and without the record the fleet belongs to another state", async () => {
  operator("ann");
  const { bridge, template, clone } = await begin();
  // Other drivers are a state that knows nothing.
  const again = await stage.clone(template.outs.artifact);
  await again.create();
  expect(again.outs.lineage).toBe(clone.outs.lineage);
  rmSync(join(records, "hornet"), { recursive: true });
  await expect((await stage.bridge()).create()).rejects.toThrow(refused);
  // The state has it too. A read writes no record; the next change does.
  expect(await again.read()).toMatchObject(declared);
  await expect((await stage.bridge()).create()).rejects.toThrow(refused);
  await again.update();
  await (await stage.bridge()).create();
  for (const one of [again, template, bridge]) await one.delete();
  expect(await stage.changesSince(stage.before)).toEqual([]);
});

test("the first state takes a fleet without a lineage, and keeps it", async () => {
  operator("ann");
  const { bridge, template, clone } = await begin();
  await stage.run(`rm -r ${runtimeDir}/.claim-*`);
  for (const one of [bridge, template, clone]) Reflect.deleteProperty(one.outs, "lineage");
  const one = await claim();
  await one.create();
  expect((await one.read()).condition).toBe("nothing on the droplet says which state owns the fleet");
  await one.update();
  expect(await one.read()).toMatchObject(declared);
  expect(await clone.read()).toMatchObject(declared);
  operator("bob");
  await expect((await stage.bridge()).create()).rejects.toThrow(refused);
  operator("ann");
  for (const each of [clone, template, bridge, one]) await each.delete();
  expect(await stage.changesSince(stage.before)).toEqual([]);
});
