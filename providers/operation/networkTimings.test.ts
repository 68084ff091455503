import { readFileSync } from "node:fs";
import { join } from "node:path";
import { closeTrace } from "../../host/trace";
import { newOperation } from "../../test/support/scratchProvider";
import { Stage } from "../../test/support/scratchStage";

jest.setTimeout(120_000);

const stage = Stage.use({ withVmm: true });

interface Span {
  readonly name: string;
  readonly ph: string;
  readonly ts: number;
  readonly dur: number;
}

test("each phase of a clone is reported and traced within its call", async () => {
  const file = join(stage.droplet.folder, "trace.json");
  process.env.HORNET_TRACE = file;
  try {
    const bridge = await stage.bridge();
    const template = await stage.artifact();
    const net = await stage.namespace();
    const nat = await stage.nat();
    const operation = newOperation();
    for (const one of [bridge, template, net, nat]) await one.create(operation);
    const vm = await stage.vm(template.outs.artifact);
    const { timings } = await vm.create(operation);
    expect(Object.keys(timings as object)).toEqual(["network", "disk", "launch", "load", "identity", "resume"]);
    for (const ms of Object.values(timings as object)) expect(ms).toBeGreaterThanOrEqual(0);
    expect(timings).toMatchObject({ network: expect.any(Number) as number });
    // A VM that starts again on the network that is there had none to wait for.
    await stage.run("kill -9 $(cut -d' ' -f1 /opt/swarm/runtime/vm7/vmm.pid)");
    expect((await vm.update()).timings).not.toHaveProperty("network");
    for (const one of [vm, nat, net, template, bridge]) await one.delete();
    closeTrace();
  } finally {
    delete process.env.HORNET_TRACE;
  }
  const spans = (JSON.parse(readFileSync(file, "utf8")) as Span[]).filter(({ ph }) => ph === "X");
  const calls = spans.filter(({ name }) => name.endsWith(" vm7"));
  const within = (name: string, call: string): boolean =>
    spans
      .filter((span) => span.name === name)
      .every(({ ts, dur }) =>
        calls.some((one) => one.name === call && one.ts <= ts + 1000 && ts + dur <= one.ts + one.dur),
      );
  for (const phase of ["disk", "launch", "load", "identity", "resume"]) {
    expect(spans.map(({ name }) => name)).toContain(phase);
    expect({ phase, within: within(phase, "start the VM of vm7") }).toEqual({ phase, within: true });
  }
  expect(spans.filter(({ name }) => name === "network")).toHaveLength(2);
});
