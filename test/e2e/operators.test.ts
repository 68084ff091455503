/**
 * Two operators, each with a Pulumi backend of their own, use the same names on one droplet: the second one is refused
 * before anything is touched, and takes over by the documented step alone. A state that is lost or restored converges.
 */
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { stringify } from "yaml";
import { z } from "zod";
import type { Captured } from "../../host/exec";
import { dropletPaths } from "../../sandbox/droplet/paths";
import { run } from "../support/run";
import { changes, scratchDroplet, type ScratchDroplet } from "../support/scratchDroplet";
import { scratchVmm } from "../support/scratchVmm";
import { limitMs } from "../support/settings";

jest.setTimeout(limitMs(600));

const exported = z.object({
  deployment: z.object({ resources: z.array(z.looseObject({ urn: z.string(), type: z.string() })) }),
});

/** A plain value in each kind of environment. No resource's state may show it. */
const CANARY = "canary-81e0b3";

const checkout = resolve(__dirname, "../..");
let droplet: ScratchDroplet;
let folder: string;
let vmm: { folder: string; path: string };

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "hornet-operators-"));
  vmm = scratchVmm();
  const [kernel, rootfs] = [join(vmm.folder, "kernel"), join(vmm.folder, "rootfs")];
  writeFileSync(kernel, "\x7fELF\x02\x01\x01".padEnd(4096, "k"));
  writeFileSync(rootfs, "disk".padEnd(1 << 16, "d"));
  droplet = await scratchDroplet({ firecracker: vmm.path, kernel, rootfs });
  copyFileSync(join(vmm.folder, "stub"), join(dropletPaths("scratch").opt, "stub"));
});
afterAll(async () => {
  await droplet.end();
  for (const path of [folder, vmm.folder]) rmSync(path, { recursive: true, force: true });
});

/** One operator: a home for Hornet's records, a backend, and the same project and stack as everybody's. */
class Operator {
  readonly backend: string;
  private readonly project: string;
  private readonly records: string;

  constructor(name: string) {
    const home = join(folder, name);
    [this.backend, this.project, this.records] = [join(home, "backend"), join(home, "project"), join(home, "records")];
    for (const path of [this.backend, this.project, this.records]) mkdirSync(path, { recursive: true });
    const project = {
      name: "hornet",
      runtime: "nodejs",
      main: join(checkout, "index.ts"),
      options: { refresh: "always" },
    };
    writeFileSync(join(this.project, "Pulumi.yaml"), stringify(project));
  }

  /** Declares so many clones. */
  declare(count: number): void {
    const config = {
      "hornet:droplet": droplet.connection,
      "hornet:fleet": { count, readyTimeout: 0 },
      "hornet:snapshot": { boot: { memory: 16 } },
      "hornet:agent": { env: { AGENT: CANARY }, command: "exec ./agent" },
      "hornet:identity": { env: { FLEET: CANARY } },
      "hornet:clones": { "0": { identity: { env: { OWN: CANARY } } } },
    };
    writeFileSync(join(this.project, "Pulumi.dev.yaml"), stringify({ config }));
  }

  /** `pulumi COMMAND…` of the stack. */
  pulumi(command: readonly string[], variables: Record<string, string> = {}): Promise<Captured> {
    const env = {
      ...process.env,
      XDG_STATE_HOME: this.records,
      PULUMI_BACKEND_URL: `file://${this.backend}`,
      PULUMI_CONFIG_PASSPHRASE: "of tests",
      ...variables,
    };
    const argv = [process.execPath, "scripts/hornet.mjs", "pulumi", "--cwd", this.project, ...command] as const;
    return run([...argv], { cwd: checkout, env, limit: limitMs(240) });
  }

  async init(count: number): Promise<void> {
    rmSync(join(this.project, "Pulumi.dev.yaml"), { force: true });
    expect(await this.pulumi(["stack", "init", "--no-select", "dev"])).toMatchObject({ code: 0 });
    this.declare(count);
  }

  /**
   * The resources of Hornet's in whose state a text is readable. Pulumi itself copies plain config into the inputs of its
   * default provider and into its history.
   */
  async resourcesWith(text: string): Promise<string[]> {
    const state = exported.parse(JSON.parse((await this.pulumi(["stack", "export", "-s", "dev"])).stdout));
    const all = state.deployment.resources.filter(({ type }) => !type.startsWith("pulumi:providers:"));
    expect(all.length).toBeGreaterThan(8);
    return all.filter((resource) => JSON.stringify(resource).includes(text)).map(({ urn }) => urn);
  }

  up(variables: Record<string, string> = {}): Promise<Captured> {
    return this.pulumi(["up", "--yes", "--skip-preview", "-s", "dev"], variables);
  }

  destroy(): Promise<Captured> {
    return this.pulumi(["destroy", "--yes", "--skip-preview", "-s", "dev"]);
  }
}

/** Succeeds, or shows what the command printed. */
async function succeeds(work: Promise<Captured>): Promise<string> {
  const { code, stdout, stderr } = await work;
  expect({ code, said: code === 0 ? "" : stdout + stderr }).toEqual({ code: 0, said: "" });
  return stdout + stderr;
}

const vmmOf = (clone: string): Promise<string> => droplet.run(`cut -d' ' -f1,2 /opt/swarm/runtime/${clone}/vmm.pid`);

test("a second state with the same names is refused, takes over by the documented step, and survives its loss", async () => {
  const [ann, bob] = [new Operator("ann"), new Operator("bob")];
  const empty = await droplet.observe();
  await ann.init(1);
  await succeeds(ann.up());
  expect(await ann.resourcesWith(CANARY)).toEqual([]);
  const fleet = await droplet.observe();
  const vm0 = await vmmOf("vm0");

  // Bob has a state of his own, and the same project and stack name.
  await bob.init(2);
  const refused = await bob.up();
  expect(refused.code).not.toBe(0);
  const said = refused.stdout + refused.stderr;
  expect(said).toMatch(/belongs to another state: \S+@\S+ claimed it on 20\d\d-\S+Z for the stack hornet\/dev/);
  expect(said).toContain(`in the backend file://${ann.backend} (lineage `);
  const lineage = /HORNET_TAKE_OVER=([0-9a-f]{16}) for one `pulumi up`/.exec(said)?.[1] ?? "none";
  expect(lineage).not.toBe("none");
  await succeeds(bob.destroy());
  expect(changes(fleet, await droplet.observe())).toEqual([]);

  // By the step that the message names Bob takes the fleet over, and vm0 lives on.
  await succeeds(bob.up({ HORNET_TAKE_OVER: lineage }));
  expect(await vmmOf("vm0")).toBe(vm0);

  // Ann's state has lost the fleet: her destroy ends well and removes nothing of it.
  const taken = await droplet.observe();
  expect(await succeeds(ann.destroy())).toContain(`in the backend file://${bob.backend}`);
  expect(changes(taken, await droplet.observe())).toEqual([]);

  // Bob's state is lost, then replaced by a copy that knows a clone too many: each converges, and no guest notices.
  const copy = join(folder, "copy");
  cpSync(bob.backend, copy, { recursive: true });
  rmSync(bob.backend, { recursive: true });
  mkdirSync(bob.backend);
  await bob.init(1);
  await succeeds(bob.up());
  rmSync(bob.backend, { recursive: true });
  cpSync(copy, bob.backend, { recursive: true });
  bob.declare(1);
  await succeeds(bob.up());
  expect(await vmmOf("vm0")).toBe(vm0);
  await succeeds(bob.destroy());
  expect(changes(empty, await droplet.observe())).toEqual([]);
});
