/** Steps of one's own after each clone, by @pulumi/command in a program of one's own (examples/steps). */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { stringify } from "yaml";
import { dropletExec, observeDroplet, stopDroplet } from "../../sandbox/droplet";
import { installCommandPlugin } from "../support/commandLauncher";
import { succeed } from "../support/run";
import { limitMs, settings } from "../support/settings";

jest.setTimeout(limitMs(900));

const checkout = resolve(__dirname, "../..");
const example = join(checkout, "examples/steps");
const droplet = "steps";
const clones = ["vm0", "vm1"];

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hornet-steps-"));
  process.env.HORNET_STATE = folder;
});

afterEach(async () => {
  await stopDroplet(droplet, { purge: true });
  delete process.env.HORNET_STATE;
  rmSync(folder, { recursive: true, force: true });
});

/** A copy of the program with a stack of its own, and the plugin's stand-in where the CLI looks for plugins. */
async function begin(): Promise<(...args: string[]) => Promise<string>> {
  const program = join(folder, "program");
  for (const one of [program, join(folder, "backend")]) mkdirSync(one);
  const plugins = installCommandPlugin(folder);
  for (const file of ["index.ts", "package.json", "tsconfig.json", "Pulumi.yaml"])
    writeFileSync(join(program, file), readFileSync(join(example, file)));
  symlinkSync(join(example, "node_modules"), join(program, "node_modules"));
  const { firecracker, kernel, rootfs, timeoutScale } = settings();
  const given = Object.entries({ firecracker, kernel, rootfs }).filter(([, path]) => path !== undefined);
  const options = {
    cwd: checkout,
    limit: limitMs(600),
    env: {
      ...process.env,
      HORNET_STATE: folder,
      STEPS_LOG: join(folder, "log"),
      PATH: `${plugins}:${process.env.PATH ?? ""}`,
      PULUMI_BACKEND_URL: `file://${join(folder, "backend")}`,
      PULUMI_CONFIG_PASSPHRASE: "of tests",
    },
  };
  const files = given.flatMap(([name, path]) => [`--${name}`, path ?? ""]);
  await succeed(["npm", "run", "--silent", "droplet", "--", "start", droplet, ...files], options);
  const pulumi = (...args: string[]): Promise<string> =>
    succeed(["npm", "run", "--silent", "pulumi", "--", "--cwd", program, ...args, "-s", "dev"], options);
  await succeed(["npm", "run", "--silent", "pulumi", "--", "--cwd", program, "stack", "init", "dev"], options);
  const fleet = { count: clones.length, readyTimeout: Math.ceil(120 * timeoutScale) };
  const config = { droplet: { simulated: droplet }, snapshot: { boot: {} }, fleet };
  const file = join(program, "Pulumi.dev.yaml");
  const kept = existsSync(file) ? readFileSync(file, "utf8") : "";
  const keys = Object.fromEntries(Object.entries(config).map(([key, value]) => [`hornet:${key}`, value]));
  writeFileSync(file, kept + stringify({ config: keys }));
  return pulumi;
}

async function on(script: string): Promise<string> {
  const { exitCode, stdout, stderr } = await dropletExec(droplet, ["bash", "-c", script]);
  if (exitCode !== 0) throw new Error(`on the droplet: ${script}\n${stdout}\n${stderr}`);
  return stdout.trimEnd();
}

function log(): string[] {
  return readFileSync(join(folder, "log"), "utf8").trim().split("\n").sort();
}

test("steps run after each clone, again exactly for the one that was told anew who it is, and leave nothing", async () => {
  const pulumi = await begin();
  const up = (): Promise<string> => pulumi("up", "--yes", "--skip-preview");
  const before = await observeDroplet(droplet);
  await up();
  expect(log()).toEqual(["vm0 is warm", "vm1 is warm"]);
  const [first, second] = [await on("cat /opt/known-vm0"), await on("cat /opt/known-vm1")];
  expect(first).not.toBe(second);

  // Nothing changed, so nothing runs.
  await up();
  expect(log()).toHaveLength(2);

  // A clone whose VM died comes back, as itself, and its steps follow it; the other's do not run.
  await on("kill -9 $(head -n 1 /opt/swarm/runtime/vm1/vmm.pid)");
  await up();
  expect(log()).toEqual(["vm0 is warm", "vm1 is warm", "vm1 is warm"]);
  expect(await on("cat /opt/known-vm0")).toBe(first);
  expect(await on("cat /opt/known-vm1")).not.toBe(second);

  await pulumi("destroy", "--yes", "--skip-preview");
  expect(await observeDroplet(droplet)).toEqual(before);
});
