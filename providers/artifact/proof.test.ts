import { Driver } from "../../test/support/scratchProvider";
import { declared, owner, Stage } from "../../test/support/scratchStage";
import { definition } from "./proof";

jest.setTimeout(120_000);

type Made = Pick<Driver, "create" | "delete">;

const made: Made[] = [];
const stage = Stage.use({
  withVmm: true,
  undo: async () => {
    for (const one of made.splice(0).reverse()) await one.delete();
  },
});

async function make<T extends Made>(driver: Promise<T>): Promise<T> {
  const one = await driver;
  made.push(one);
  await one.create();
  return one;
}

const proof = (digest: unknown): Promise<Driver> =>
  Driver.of(definition, {
    droplet: stage.droplet.connection,
    owner,
    runtimeDir: "/opt/swarm/runtime",
    digest,
    clones: ["vm7"],
  });

test("a remade artifact is proved once the clones have started from it, whatever identities they get in between", async () => {
  await make(stage.bridge());
  const template = await make(stage.artifact());
  const { artifactDigest, artifact } = template.outs as { artifactDigest: string; artifact: { folder: string } };
  const clone = await make(stage.clone(artifact));
  const one = await make(proof(artifactDigest));
  expect(one.outs).toMatchObject({ proved: artifactDigest, ...declared });

  await stage.run(`cd ${artifact.folder}; chmod 644 vm.mem; printf x >>vm.mem`);
  const renewed = (await template.update()) as { artifactDigest: string; artifact: object };
  expect(renewed.artifactDigest).not.toBe(artifactDigest);
  const pid = await stage.run("cat /opt/swarm/runtime/vm7/vmm.pid");
  await clone.update({ artifact: renewed.artifact });
  await clone.update({ env: { API_KEY: "another" } });
  expect(await stage.run("cat /opt/swarm/runtime/vm7/vmm.pid")).toBe(pid);
  await one.update({ digest: renewed.artifactDigest });
  expect(one.outs).toMatchObject({ proved: "" });
  expect(await one.read()).toMatchObject(declared);
  expect(await stage.run("cat /opt/swarm/runtime/.proof-*/*")).not.toContain(renewed.artifactDigest.slice(7));

  // A clone that goes in the same up does not count.
  await one.update({ clones: ["vm8"] });
  expect(one.outs).toMatchObject({ proved: renewed.artifactDigest });
  await one.update({ clones: ["vm7"] });
  expect(one.outs).toMatchObject({ proved: "" });

  await clone.delete();
  await clone.create();
  expect((await one.read()).condition).toBe("all clones run the snapshot by now");
  await one.update();
  expect(one.outs).toMatchObject({ proved: renewed.artifactDigest });
  expect(await one.read()).toMatchObject(declared);
  await stage.run(`rm /opt/swarm/runtime/.proof-*/${renewed.artifactDigest.slice(7)}`);
  expect((await one.read()).condition).toBe("the proof of the snapshot is missing");
});
