import { owner, Stage } from "../../test/support/scratchStage";
import { defaults } from "../../model/defaults";
import type { CommonInputs } from "../kit/definition";
import { changing, observe, touch } from "./droplet";

jest.setTimeout(120_000);

const stage = Stage.use();
const common = (): CommonInputs => ({
  droplet: stage.droplet.connection,
  owner,
  runtimeDir: defaults.runtimeDir,
  vmmTimeout: 30,
});

test("all that an operation asks for is read once, what was changed meanwhile again", async () => {
  const first = await observe(common(), "vm7");
  expect(await observe(common(), "vm8")).toBe(first);
  touch(common(), "vm8");
  expect(await observe(common(), "vm7")).toBe(first);
  const second = await observe(common(), "vm8");
  expect(second).not.toBe(first);
  expect(await observe(common(), "vm7")).toBe(second);
});

test("what was read while a resource was being changed, for another one, says nothing of it afterwards", async () => {
  let end = (): void => undefined;
  const change = new Promise<void>((resolve) => (end = resolve));
  const changed = changing(common(), "vm7", () => change);
  touch(common(), "vm8");
  const during = await observe(common(), "vm8");
  end();
  await changed;
  const after = await observe(common(), "vm7");
  expect(after).not.toBe(during);
  expect(await observe(common(), "vm8")).toBe(after);
});

test("a change by way of another name of the droplet counts too", async () => {
  const byName: CommonInputs = { ...common(), droplet: { ...stage.droplet.connection, host: "localhost" } };
  const before = await observe(common(), "vm7");
  await observe(byName, "vm7");
  await changing(byName, "vm7", () => Promise.resolve());
  expect(await observe(common(), "vm7")).not.toBe(before);
});
