/** Artifacts beside each other: those that a stack keeps, and those of two stacks. */
import { declared, other, owner, images, snapshots, Stage } from "../../test/support/scratchStage";
import { smallMemory } from "../../test/support/settings";
import { sessions } from "../../test/support/scratchProvider";

jest.setTimeout(120_000);

const stage = Stage.use({ withVmm: true });

/** Whoever only reads takes no lock: they wait for nobody, and nobody for them. */
const LOCK = "flock --nonblock /run echo free || echo held";

test("another kernel command line, disk or size makes another artifact; earlier ones are kept as configured, then removed", async () => {
  const one = await stage.artifact({ keepGenerations: 1 });
  const boot = {
    kernel: `${images}/kernel`,
    rootfs: `${images}/disk`,
    memory: smallMemory(),
    timeout: 20,
    name: "hornet-guest",
  };
  await one.create();
  const digests = [one.outs.artifactDigest];
  for (const change of [{ bootArgs: "quiet" }, { memory: 32 }]) {
    await one.update({ source: { boot: { ...boot, vcpus: 1, ...change } } });
    digests.unshift(one.outs.artifactDigest);
    expect(await one.read()).toMatchObject(declared);
  }
  expect(new Set(digests).size).toBe(3);
  expect(one.outs.generations).toEqual(digests.slice(0, 2));
  expect((await stage.run(`ls ${snapshots} | wc -l`)).trim()).toBe("3");
  await one.delete();
});

test("the stable name of one stack's artifact is no drift for another stack", async () => {
  const one = await stage.artifact();
  await one.create();
  const { boot } = one.inputs.source as { boot: object };
  const two = await stage.artifact({ source: { boot: { ...boot, memory: 32 } } }, other);
  await two.create();
  for (const stack of [one, two]) expect(await stack.read()).toMatchObject(declared);
  // The name goes with the one that it leads to, and comes back.
  await sessions.close();
  await one.read();
  expect(await stage.run(LOCK)).toBe("free\n");
  await two.delete();
  expect((await one.read()).condition).toBe(`${snapshots}/hornet-guest/manifest.json missing`);
  await one.update();
  expect(await one.read()).toMatchObject(declared);
  // Of a stack's own it leads to the one that its clones run.
  await one.update({ source: { boot: { ...boot, memory: 64 } } });
  await stage.run(
    `ln -sfnT $(ls -t ${snapshots} | sed -n '/^[0-9a-f]\\{64\\}$/p' | tail -n 1) ${snapshots}/hornet-guest`,
  );
  expect((await one.read()).condition).toBe(`${snapshots}/hornet-guest/manifest.json changed`);
  await one.delete();
});

test("a superfluous artifact that a clone still runs is removed once no clone does", async () => {
  const one = await stage.artifact({ keepGenerations: 0 });
  const first = String((await one.create()).artifactDigest);
  const { boot } = one.inputs.source as { boot: object };
  // As a VM of this stack that has not rolled yet.
  const clone = "/opt/swarm/runtime/vm7";
  await stage.run(`mkdir -p ${clone}; echo '${owner}' >${clone}/owner; echo digest=${first} >${clone}/record`);
  await one.update({ source: { boot: { ...boot, memory: 32 } } });
  expect(one.outs.generations).toEqual([one.outs.artifactDigest, first]);
  expect(await one.read()).toMatchObject(declared);
  await stage.run(`rm -r ${clone}; rmdir /opt/swarm/runtime 2>/dev/null || :`);
  await sessions.close();
  expect((await one.read()).condition).toBe(`the earlier snapshot ${first} is not used any more`);
  expect(await stage.run(LOCK)).toBe("free\n");
  await one.update();
  expect(one.outs.generations).toEqual([one.outs.artifactDigest]);
  expect(await one.read()).toMatchObject(declared);
  expect((await stage.run(`ls ${snapshots} | wc -l`)).trim()).toBe("2");
  await one.delete();
});

test("two stacks share one artifact, and the last one removes it", async () => {
  const one = await stage.artifact();
  const two = await stage.artifact({}, other);
  await one.create();
  await two.create();
  expect(two.outs.artifactDigest).toBe(one.outs.artifactDigest);
  await one.delete();
  expect(await two.read()).toMatchObject(declared);
  await two.delete();
});
