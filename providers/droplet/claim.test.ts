import type { Observation } from "../../sandbox/droplet";
import { changes } from "../../test/support/scratchDroplet";
import { Driver } from "../../test/support/scratchProvider";
import { declared, other, owner, snapshots, Stage } from "../../test/support/scratchStage";
import { definition } from "./claim";

jest.setTimeout(120_000);

const stage = Stage.use({ withVmm: true });
const runtimeDir = "/opt/swarm/runtime";

function claim(namespaces: readonly string[], who = owner): Promise<Driver> {
  const droplet = stage.droplet.connection;
  return Driver.of(definition, { droplet, owner: who, runtimeDir, dir: snapshots, namespaces });
}

/** What is on the droplet, but for the consoles, where a VMM notes that it was asked. */
async function seen(): Promise<Observation> {
  const { files = [], ...rest } = await stage.observe();
  return { ...rest, files: files.filter((line) => !line.includes("/console.log ")) };
}

/** Network, rules and VM of a clone with this id. */
async function clone(id: number, artifact: unknown, who = owner): Promise<Driver[]> {
  const name = `vm${id}`;
  const address = `10.0.0.${id + 2}`;
  const net = await stage.namespace({ namespace: name, hostVeth: `veth${id}h`, address: `${address}/24` }, who);
  const rules = await stage.nat({ namespace: name, address }, who);
  const vm = await stage.vm(artifact, { owner: who, name, namespace: name, address });
  for (const one of [net, rules, vm]) await one.create();
  return [net, rules, vm];
}

test("after the loss of a state, declared resources are adopted, and others with the owner label are removed", async () => {
  const bridge = await stage.bridge();
  await bridge.create();
  const template = await stage.artifact();
  await template.create();
  await clone(7, template.outs.artifact);
  const kept = await seen();
  await clone(8, template.outs.artifact);
  const one = await claim(["vm7"]);
  await one.create();
  expect(changes(kept, await seen())).toEqual([]);
  expect(await one.read()).toMatchObject(declared);
  await clone(9, template.outs.artifact);
  expect((await one.read()).condition).toBe("vm9 was left behind");
  await one.update();
  expect(changes(kept, await seen())).toEqual([]);
  await one.replace();
  expect(changes(kept, await seen())).toEqual([]);
  expect(await one.read()).toMatchObject(declared);
  // All that the stack has on the droplet, though no other resource is deleted.
  await one.delete();
  expect(await stage.changesSince(stage.before)).toEqual([]);
  await one.delete();
});

test("a declared clone that is pending and in no state is removed", async () => {
  const one = await claim(["vm7", "vm8", "vm9"]);
  await one.create();
  await (await stage.bridge()).create();
  const template = await stage.artifact();
  await template.create();
  await clone(7, template.outs.artifact);
  const [, rules] = await clone(8, template.outs.artifact);
  const kept = await seen();
  await clone(9, template.outs.artifact);
  await stage.run(`for name in vm7 vm8 vm9; do echo yes >${runtimeDir}/$name/begun; done`);
  // vm7 is declared; vm8 is for its own resource to delete: its rules are written, so a state has its namespace.
  await rules?.update();
  await one.update({ namespaces: ["vm7"] });
  await stage.run(`for name in vm7 vm8; do : >${runtimeDir}/$name/begun; done`);
  expect(changes(kept, await seen())).toEqual([]);
  await one.delete();
  expect(await stage.changesSince(stage.before)).toEqual([]);
});

test.each([
  ["a clone's folder", `rm -r ${runtimeDir}/vm7`],
  [
    "the runtime folder, but for the bridge's",
    `find ${runtimeDir} -mindepth 1 -maxdepth 1 ! -name '.bridge*' -exec rm -r {} +`,
  ],
  ["a clone's pid file", `rm ${runtimeDir}/vm7/vmm.pid`],
  [
    "the names of bridge and veth",
    "ip link set br0 down; ip link set br0 name b1; ip link set veth7h down; ip link set veth7h name v1",
  ],
  ["the bridge's mark", "ip link set br0 alias mine"],
])("a clone that lost %s is found by its remaining labels", async (_what, drift) => {
  const one = await claim(["vm7"]);
  await one.create();
  const bridge = await stage.bridge();
  await bridge.create();
  const template = await stage.artifact();
  await template.create();
  await clone(7, template.outs.artifact);
  await stage.run(drift);
  await one.delete();
  // The mark that tells a folder which Hornet made went with it.
  await stage.run(`rmdir ${runtimeDir} 2>/dev/null || :`);
  expect(await stage.changesSince(stage.before)).toEqual([]);
});

test("two stacks with separate ids on one bridge and one snapshot can each be removed without harm to the other", async () => {
  const first = await claim(["vm7"]);
  await first.create();
  const firstBridge = await stage.bridge();
  await firstBridge.create();
  const firstTemplate = await stage.artifact();
  await firstTemplate.create();
  await clone(7, firstTemplate.outs.artifact);
  const second = await claim(["vm8"], other);
  await second.create();
  const secondBridge = await stage.bridge({}, other);
  await secondBridge.create();
  const secondTemplate = await stage.artifact({}, other);
  await secondTemplate.create();
  const theirs = await clone(8, secondTemplate.outs.artifact, other);
  expect(secondTemplate.outs.artifactDigest).toBe(firstTemplate.outs.artifactDigest);

  // An id that the other one has is refused by name, before anything is touched.
  const both = await seen();
  await expect(clone(8, firstTemplate.outs.artifact)).rejects.toThrow(
    /^vm8 on this droplet belongs to the stack p\/two\n {2}next: give this fleet other ids \(hornet:fleet\.startId\), or destroy it there$/,
  );
  expect(changes(both, await seen())).toEqual([]);

  await first.delete();
  for (const one of [second, secondBridge, secondTemplate, ...theirs]) expect(await one.read()).toMatchObject(declared);
  await second.delete();
  expect(await stage.changesSince(stage.before)).toEqual([]);
});

test("the leftover of a run that was killed while it made a folder is removed, although the folder above has no owner", async () => {
  const draft = "/opt/swarm/.hornet-draft.4194304";
  await stage.run(`mkdir -p ${draft} && touch ${draft}/.hornet-made`);
  const one = await claim([]);
  await one.create();
  await one.delete();
  expect(await stage.changesSince(stage.before)).toEqual([]);
});
