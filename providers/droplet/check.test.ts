import { Driver, sessions } from "../../test/support/scratchProvider";
import { declared, owner, Stage } from "../../test/support/scratchStage";
import { definition } from "./check";

jest.setTimeout(120_000);

const stage = Stage.use({ withVmm: true, undo: () => sessions.close() });

function check(): Promise<Driver> {
  const droplet = stage.droplet.connection;
  return Driver.of(definition, { droplet, owner, runtimeDir: "/opt/swarm/runtime", namespaces: ["vm7"] });
}

test("create, read and delete of a DropletCheck change nothing", async () => {
  const one = await check();
  await one.create();
  expect(await one.read()).toMatchObject(declared);
  expect(await stage.changesSince(stage.before)).toEqual([]);
  await one.delete();
  expect(await stage.changesSince(stage.before)).toEqual([]);
});

test("another runtime folder is refused while the fleet is in the present one", async () => {
  const one = await check();
  await one.create();
  await expect(one.update({ runtimeDir: "/opt/other" }, { ...one.outs })).rejects.toThrow(
    /hornet:vmm\.runtimeDir cannot become \/opt\/other while the fleet is in \/opt\/swarm\/runtime; nothing was changed/,
  );
});
