/**
 * An operator's machine with everything odd at once: a PATH with Node and ssh alone, a read-only checkout, blanks, quotes, percent
 * signs and other letters in every path, a long TMPDIR, a proxy for everything, NODE_ENV=production, and config files with the
 * line ends of Windows.
 */
import { cpSync, copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { stringify } from "yaml";
import type { Captured } from "../../host/exec";
import { backendIn } from "../../operator/backend";
import type { Observation } from "../../sandbox/droplet";
import { dropletPaths } from "../../sandbox/droplet/paths";
import { longTest } from "../support/longTest";
import { run, succeed } from "../support/run";
import { changes, scratchDroplet, type ScratchDroplet } from "../support/scratchDroplet";
import { scratchVmm } from "../support/scratchVmm";
import { limitMs } from "../support/settings";

jest.setTimeout(limitMs(300));

const checkout = resolve(__dirname, "../..");
const userCache = process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache");
const cache = process.env.HORNET_CACHE ?? join(userCache, "hornet");

const vmm = scratchVmm();
let droplet: ScratchDroplet;
let machine: Machine;
let before: Observation;

beforeAll(async () => {
  const [kernel, rootfs] = [join(vmm.folder, "kernel"), join(vmm.folder, "rootfs")];
  writeFileSync(kernel, "\x7fELF\x02\x01\x01".padEnd(4096, "k"));
  writeFileSync(rootfs, "disk".padEnd(1 << 16, "d"));
  droplet = await scratchDroplet({ firecracker: vmm.path, kernel, rootfs });
  copyFileSync(join(vmm.folder, "stub"), join(dropletPaths("scratch").opt, "stub"));
  machine = new Machine();
  before = await droplet.observe();
});
afterAll(async () => {
  await droplet.end();
  for (const path of [vmm.folder, machine.home]) rmSync(path, { recursive: true, force: true });
});

/** Writes a file as an editor on Windows does. */
const writeCrLf = (file: string, content: object): void =>
  writeFileSync(file, stringify(content, { lineWidth: 0 }).replaceAll("\n", "\r\n"));

class Machine {
  /** All of the operator's files are below it. */
  readonly home = mkdtempSync(join(tmpdir(), `hornet 100% 'a "b" $HOME; #é&`));
  private readonly temporary = this.folder("tmp", "long".repeat(30));

  constructor() {
    const { privateKeyPath = "" } = droplet.connection;
    cpSync(privateKeyPath, join(this.home, "my key"));
    for (const folder of ["checkout", "cache", "backend"]) this.folder(folder);
    const bin = this.folder("bin");
    symlinkSync(process.execPath, join(bin, "node"));
    symlinkSync("/usr/bin/ssh", join(bin, "ssh"));
    const project = this.folder("project");
    writeCrLf(join(project, "Pulumi.yaml"), {
      name: "hornet",
      runtime: { name: "nodejs", options: { typescript: false } },
      main: join(this.home, "checkout/program.cjs"),
      options: { refresh: "always" },
    });
    writeCrLf(join(project, "Pulumi.dev.yaml"), {
      config: {
        "hornet:droplet": { ...droplet.connection, privateKeyPath: join(this.home, "my key") },
        "hornet:fleet": { count: 1, readyTimeout: 0 },
        "hornet:snapshot": { boot: { memory: 16 } },
        "hornet:identity": { env: { LINES: "one\ntwo\n" } },
      },
    });
  }

  /** What the operations left in the temporary folder. */
  leftovers(): string[] {
    return readdirSync(this.temporary);
  }

  /** Runs a program of the checkout's scripts/, which must succeed. */
  node(script: string, ...args: string[]): Promise<string> {
    return succeed(...this.command(script, args, {}));
  }

  /** The same with other variables, whatever comes of it. */
  tryNode(variables: NodeJS.ProcessEnv, script: string, ...args: string[]): Promise<Captured> {
    return run(...this.command(script, args, variables));
  }

  /** The mount namespace of each command has the checkout read-only at a path of this machine, and the cache as it is. */
  private command(script: string, args: readonly string[], variables: NodeJS.ProcessEnv): Parameters<typeof run> {
    const mounts =
      'mount --bind "$1" "$3/checkout" && mount -o remount,bind,ro "$3/checkout" && mount --bind "$2" "$3/cache" || exit';
    const enter = `${mounts}; cd "$3/checkout" || exit; export PATH="$3/bin"; shift 3; exec node "$@"`;
    const argv = ["unshare", "--mount", "--propagation", "private", "sh", "-c", enter, "sh"] as const;
    const words = [checkout, cache, this.home, `scripts/${script}.mjs`, ...args];
    return [[...argv, ...words], { env: { ...this.variables(), ...variables }, limit: limitMs(120) }];
  }

  private variables(): NodeJS.ProcessEnv {
    const names = ["http_proxy", "https_proxy", "all_proxy", "grpc_proxy"];
    // Nothing listens on port 9.
    const proxies = names.flatMap((name) => [name, name.toUpperCase()]).map((name) => [name, "http://127.0.0.1:9"]);
    return {
      ...(Object.fromEntries(proxies) as NodeJS.ProcessEnv),
      PATH: process.env.PATH,
      HOME: this.home,
      TMPDIR: this.temporary,
      HORNET_CACHE: join(this.home, "cache"),
      HORNET_STATE: join(this.home, "state"),
      XDG_STATE_HOME: join(this.home, "records"),
      NODE_ENV: "production",
      PULUMI_BACKEND_URL: backendIn(join(this.home, "backend")),
      PULUMI_CONFIG_PASSPHRASE: "of tests",
      // The compiler refuses a folder that somebody else could replace, and the folder of tests may be one.
      SWC_NATIVE_BINDING_CACHE: join(userCache, "swc-native-tests"),
    };
  }

  private folder(...names: string[]): string {
    const path = join(this.home, ...names);
    mkdirSync(path, { recursive: true });
    return path;
  }
}

const project = (): string[] => ["--cwd", join(machine.home, "project")];
const pulumi = (...args: string[]): Promise<string> => machine.node("hornet", "pulumi", ...project(), ...args);
const hornet = (command: string, ...args: string[]): Promise<string> =>
  machine.node("hornet", command, "-s", "dev", ...project(), ...args);

test("up, doctor, ssh and a folder that is closed", async () => {
  await pulumi("stack", "init", "--no-select", "dev");
  await pulumi("up", "--yes", "--skip-preview", "-s", "dev");
  expect(await hornet("doctor")).toContain("nothing: the droplet can carry the fleet");
  expect(await machine.node("ssh", "-s", "dev", "droplet", "ip -br link show br0")).toMatch(/^br0 +UP/);
  // The stub runs no guest: the droplet answers that nobody listens there, so both hops found their files.
  const clone = await machine.tryNode({}, "ssh", "-s", "dev", "vm0", "true");
  expect(clone.stderr).toMatch(/open failed|stdio forwarding failed/);
  // Without a folder for its files, Hornet writes to the checkout.
  const closed = await machine.tryNode({ HORNET_STATE: "" }, "hornet", "map", "-s", "dev", ...project());
  expect(closed.stderr).toMatch(/\.hornet\S* cannot be written: (EROFS|EACCES)[\s\S]*next: .* HORNET_STATE/);
});

longTest("preview, status, map and inventory", async () => {
  await pulumi("preview", "--expect-no-changes", "-s", "dev");
  expect(await hornet("status")).toMatch(/vm0 +10\.0\.0\.2 +running/);
  expect(await hornet("map")).toContain(join(machine.home, "state/dev/map.html"));
  expect(JSON.parse(await hornet("inventory"))).toMatchObject({ clones: { hosts: ["vm0"] } });
});

test("destroy leaves nothing on the droplet and nothing in the temporary folder", async () => {
  await pulumi("destroy", "--yes", "--skip-preview", "-s", "dev");
  expect(machine.leftovers()).toEqual([]);
  expect(changes(before, await droplet.observe())).toEqual([]);
});
