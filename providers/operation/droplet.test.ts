import { owner, Stage } from "../../test/support/scratchStage";
import { defaults } from "../../model/defaults";
import type { CommonInputs } from "../kit/definition";
import type { Droplet } from "./droplet";
import type { Operation } from "./operation";
import { newOperation } from "../../test/support/scratchProvider";

jest.setTimeout(120_000);

const stage = Stage.use();
const common = (): CommonInputs => ({
  droplet: stage.droplet.connection,
  owner,
  runtimeDir: defaults.runtimeDir,
  vmmTimeout: 30,
});

let operation: Operation;
let droplet: Droplet;
beforeEach(() => {
  operation = newOperation();
  droplet = operation.droplet(stage.droplet.connection);
});

test("an operation reads a droplet once, and again what it has changed", async () => {
  const first = await droplet.observe(common(), "vm7");
  expect(await droplet.observe(common(), "vm8")).toBe(first);
  droplet.touch("vm8");
  expect(await droplet.observe(common(), "vm7")).toBe(first);
  const second = await droplet.observe(common(), "vm8");
  expect(second).not.toBe(first);
  expect(await droplet.observe(common(), "vm7")).toBe(second);
});

test("a read during a change is not used for the changed resource afterwards", async () => {
  let end = (): void => undefined;
  const change = new Promise<void>((resolve) => (end = resolve));
  const changed = droplet.changing("vm7", () => change);
  droplet.touch("vm8");
  const during = await droplet.observe(common(), "vm8");
  end();
  await changed;
  const after = await droplet.observe(common(), "vm7");
  expect(after).not.toBe(during);
  expect(await droplet.observe(common(), "vm8")).toBe(after);
});

test("a change through another name of the droplet counts too", async () => {
  const byName: CommonInputs = { ...common(), droplet: { ...stage.droplet.connection, host: "localhost" } };
  const other = operation.droplet(byName.droplet);
  expect(other).not.toBe(droplet);
  const before = await droplet.observe(common(), "vm7");
  await other.observe(byName, "vm7");
  await other.changing("vm7", () => Promise.resolve());
  expect(await droplet.observe(common(), "vm7")).not.toBe(before);
});
