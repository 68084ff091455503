import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Connection } from "../../model/connection";
import { dropletExec, observeDroplet, rebootDroplet, startDroplet, stopDroplet } from "../../sandbox/droplet";
import type { DropletRecord, Observation } from "../../sandbox/droplet";
import { enterArguments } from "../../sandbox/droplet/enter";
import { checkout, dropletPaths } from "../../sandbox/droplet/paths";
import { readRecord } from "../../sandbox/droplet/state";
import { giveWords } from "../../sandbox/vmm/versions";
import { changes, commandLines } from "../support/scratchDroplet";
import type { Declaration, Disturbance, Job, Outcome, WorkerMessage } from "./jobs";

/**
 * Whether the operations run in the droplet itself, which is fast, or outside, from where they reach it over ssh. `several`:
 * outside of two droplets.
 */
export type Place = "inside" | "outside" | "several";

/** How an operation ended. */
export type Ended = { readonly died: true } | ({ readonly died: false } & Outcome);

/** A trace event, as far as the stage reads it. */
interface Traced {
  readonly args: { readonly run?: string };
}

const NAME = "chaos";
/** The second droplet. */
const WEST = "chaos-west";
/** The droplet's /var/tmp, which survives a reboot and is not observed. */
const INSIDE = "/var/tmp";

/** A limit of the kernel that every fleet here has to raise, below /proc/sys. */
export const LIMIT = "user/max_net_namespaces";

/** The guestless stand-in prints the lines that a guest's identity service prints before its snapshot. */
const WORDS = "hornet-identity: waiting closed";

const KILL_VMMS = `
  for one in /opt/swarm/runtime/*/vmm.pid; do
    if read -r pid _ <"$one"; then kill -9 "$pid" || :; fi
  done 2>/dev/null`;

/** The kernel's limit before Hornet: too low for two clones. */
const LIMIT_BEFORE = 100;

/** The droplet shares this machine's kernel, so a file is mounted over one of its limits, which Hornet reads and writes. */
const LOWER_LIMIT = `
  echo ${LIMIT_BEFORE} >${INSIDE}/limit
  chmod 644 ${INSIDE}/limit
  [[ /proc/sys/${LIMIT} -ef ${INSIDE}/limit ]] || mount --bind ${INSIDE}/limit /proc/sys/${LIMIT}`;

const WIPE = `${KILL_VMMS}
  echo ${LIMIT_BEFORE} >${INSIDE}/limit
  for one in /opt/swarm/runtime/.consoles-*/pid /opt/swarm/runtime/.metrics-*/pid /opt/swarm/runtime/.recovery-*/pid /opt/swarm/runtime/.names-*/pid /opt/swarm/runtime/*/handover; do
    if read -r pid _ <"$one"; then kill -9 "$pid" || :; fi
  done 2>/dev/null
  for one in $(ls /run/netns); do
    for pid in $(ip netns pids "$one"); do kill -9 "$pid"; done
    ip netns del "$one"
  done
  for one in $(ls /sys/class/net); do [[ $one == lo || $one == eth0 ]] || ip link del "$one" 2>/dev/null || :; done
  nft flush ruleset
  find /sys/fs/cgroup -depth -type d -path '*/hornet-*' -exec rmdir {} +
  rm -rf /opt/swarm/runtime /opt/swarm/snapshots /opt/swarm/textfile /run/hornet-uids
  echo 0 >/proc/sys/net/ipv4/ip_forward`;

const ESSENCE = `
  (ip -br link; ip -br -4 addr) | sed 's/@\\S*//; s/  */ /g' | grep -v '^eth0'
  cd /opt/swarm/runtime
  for one in vm*; do
    (
      grep '^\\(key\\|name\\|disk_path\\)=' "$one/record"
      ip -n "$one" -br -4 addr
      ip -n "$one" route
      ip netns exec "$one" nft list ruleset
      curl --silent --unix-socket "$one/firecracker.sock" http://localhost/mmds | grep -o 'GREETING=.\\{12\\}'
      curl --silent --unix-socket "$one/firecracker.sock" http://localhost/ | grep -o '"state":"[A-Za-z]*"'
    ) | sed "s/^/$one: /; s/@if[0-9]*//; s/  */ /g"
  done`;

/** A droplet with a VMM that runs no guests, and the processes that operate on it. */
export class Stage {
  private spare: ChildProcess | undefined;
  private idle: ChildProcess | undefined;
  /** By droplet. */
  private readonly before = new Map<string, Observation>();
  private readonly droplets = new Map<string, DropletRecord>();
  private readonly outside: string;

  private constructor(
    private readonly folder: string,
    readonly place: Place,
  ) {
    this.outside = dropletPaths(NAME).varTmp;
  }

  /** Starts it, with the VMM of sandbox/vmm that runs no guest. */
  static async open(place: Place): Promise<Stage> {
    const build = join(checkout, "sandbox/vmm/build.sh");
    const built = execFileSync(build, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }).trim();
    const folder = mkdtempSync(join(tmpdir(), "hornet-chaos-"));
    process.env.HORNET_STATE = folder;
    const [program, kernel, rootfs] = ["firecracker", "vmlinux", "rootfs"].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    copyFileSync(join(built, "firecracker-stub"), program);
    giveWords(program, WORDS);
    copyFileSync(join(built, "jailer"), join(folder, "jailer"));
    writeFileSync(kernel, "\x7fELF".padEnd(4096, "k"));
    writeFileSync(rootfs, "disk".padEnd(1 << 16, "d"));
    const stage = new Stage(folder, place);
    for (const name of place === "several" ? [NAME, WEST] : [NAME]) {
      const { droplet } = await startDroplet({ name, firecracker: program, kernel, rootfs });
      const vmm = join(dropletPaths(name).opt, "vmm");
      mkdirSync(vmm, { recursive: true });
      copyFileSync(join(built, "firecracker-stub"), join(vmm, "firecracker-stub"));
      chmodSync(join(vmm, "firecracker-stub"), 0o755);
      await stage.started(name, droplet);
      stage.before.set(name, await observeDroplet(name));
    }
    return stage;
  }

  /** Ends workers and droplets and removes all files. Throws where a process is left. */
  async close(): Promise<void> {
    for (const worker of [this.spare, this.idle]) await end(worker);
    for (const name of this.names) await stopDroplet(name, { purge: true });
    delete process.env.HORNET_STATE;
    rmSync(this.folder, { recursive: true, force: true });
    const left = commandLines().filter(({ text }) => text.includes(this.folder));
    if (left.length > 0) throw new Error(`still running: ${left.map(({ text }) => text).join("; ")}`);
  }

  /** Runs one operation, in a process that keeps running unless the disturbance kills it. */
  async operate(verb: Job["verb"], declaration: Declaration, disturbance?: Disturbance): Promise<Ended> {
    const worker = this.idle ?? this.spare ?? (await this.start());
    if (worker === this.spare) this.spare = undefined;
    this.idle = undefined;
    const files = this.place === "inside" ? INSIDE : this.outside;
    const job: Job = {
      verb,
      declaration,
      connections: this.connections,
      stateFile: `${files}/state.json`,
      sshFolder: `${files}/ssh`,
      effectsFile: `${files}/effects`,
      traceFile: `${files}/trace`,
      ...(disturbance === undefined ? {} : { disturbance }),
    };
    let reboot: Promise<DropletRecord> | undefined;
    let kill: Promise<unknown> | undefined;
    const last = this.names.at(-1) ?? NAME;
    const ending = new Promise<Ended>((resolve) => {
      const died = (): void => resolve({ died: true });
      worker.once("exit", died);
      worker.on("message", (message: WorkerMessage) => {
        if (message.kind === "power") reboot = rebootDroplet(last);
        if (message.kind === "vmm") kill = this.everywhere(KILL_VMMS);
        if (message.kind !== "done") return;
        worker.removeAllListeners("message").off("exit", died);
        resolve({ died: false, ...message.outcome });
      });
      worker.send(job);
    });
    // The next worker loads while this one works.
    if (disturbance !== undefined) this.spare ??= await this.start();
    const ended = await ending;
    await kill;
    if (reboot !== undefined) await this.started(last, await reboot);
    if (!ended.died) this.idle = worker;
    return ended;
  }

  /** The names of the effects of the last operation, in order. */
  effects(): string[] {
    return readFileSync(join(this.outside, "effects"), "utf8").split("\n").slice(0, -1);
  }

  /** The library functions that the last operation called on the droplet, in the order of their ends. */
  calls(): string[] {
    const lines = readFileSync(join(this.outside, "trace"), "utf8").split("\n");
    const spans = lines.flatMap((line) => (line.startsWith("{") ? [JSON.parse(line.slice(0, -1)) as Traced] : []));
    return spans.flatMap(({ args }) => (args.run === undefined ? [] : [args.run]));
  }

  /** The state as it is in its file, or undefined where there is none. */
  get state(): string | undefined {
    const file = join(this.outside, "state.json");
    return existsSync(file) ? readFileSync(file, "utf8") : undefined;
  }

  set state(text: string | undefined) {
    const file = join(this.outside, "state.json");
    if (text === undefined) rmSync(file, { force: true });
    else writeFileSync(file, text);
  }

  /** Runs a bash script in the droplet, the first one of several, without Hornet and returns its output. Throws where it fails. */
  async run(script: string, name = NAME): Promise<string> {
    const { stdout, stderr, exitCode } = await dropletExec(name, ["bash", "--norc", "-euc", script]);
    if (exitCode !== 0) throw new Error(`in the droplet ${name}: ${script}\nexit code ${exitCode}: ${stderr}`);
    return stdout;
  }

  /** The same in all droplets. */
  private async everywhere(script: string): Promise<string[]> {
    return Promise.all(this.names.map((name) => this.run(script, name)));
  }

  /** Cuts the droplet's power and starts it again; of several the last one's. */
  async reboot(): Promise<void> {
    const workers = [this.spare, this.idle];
    this.spare = this.idle = undefined;
    for (const worker of workers) await end(worker);
    const last = this.names.at(-1) ?? NAME;
    await this.started(last, await rebootDroplet(last));
  }

  /** A kernel that has just booted has its default limits. */
  private async started(name: string, droplet: DropletRecord): Promise<void> {
    this.droplets.set(name, droplet);
    await this.run(LOWER_LIMIT, name);
  }

  /** The differences between the droplets now and before the test. */
  async changes(): Promise<string[]> {
    const each = await Promise.all(
      this.names.map(async (name) => {
        const found = changes(this.before.get(name) ?? {}, await observeDroplet(name));
        const limit = Number(await this.run(`cat /proc/sys/${LIMIT}`, name));
        return limit === LIMIT_BEFORE ? found : [...found, `${LIMIT} is ${limit}, it was ${LIMIT_BEFORE}`];
      }),
    );
    return each.flat();
  }

  /** An independent listing of the fleet, a line for each part, equal after a restart. */
  async essence(): Promise<string[]> {
    const each = await this.everywhere(ESSENCE);
    return each.flatMap((text) => text.split("\n")).filter((line) => line !== "");
  }

  /** Removes everything by force without Hornet, so that one failing test does not fail the next ones. */
  async wipe(): Promise<void> {
    await end(this.idle);
    this.idle = undefined;
    await this.everywhere(WIPE);
    this.state = undefined;
    const left = await this.changes();
    if (left.length > 0) throw new Error(`the droplet cannot be wiped: ${left.join("; ")}`);
  }

  private get names(): string[] {
    return [...this.droplets.keys()];
  }

  private get connections(): Job["connections"] {
    if (this.place === "inside") return [{ local: true }];
    const [first, ...more] = [...this.droplets.values()].map(
      ({ host, port, user, privateKeyPath, hostKey }): Connection => ({ host, port, user, privateKeyPath, hostKey }),
    );
    if (first === undefined) throw new Error("no droplet runs");
    return [first, ...more];
  }

  private async start(): Promise<ChildProcess> {
    const init = (await readRecord(NAME))?.processes?.init;
    if (init === undefined) throw new Error("the droplet does not run");
    const node = [process.execPath, "-r", join(checkout, "register.cjs"), join(__dirname, "worker.ts")] as const;
    const argv = this.place === "inside" ? ["nsenter", ...enterArguments(init), ...node] : node;
    const [command = "", ...args] = argv;
    const worker = spawn(command, args, {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      cwd: checkout,
      // The compiler keeps a cache at home; a process that is killed leaves its private folders behind.
      env: {
        ...process.env,
        TMPDIR: this.place === "inside" ? INSIDE : this.folder,
        // What a failure of one droplet does to the others is not tried here.
        PULUMI_CONTINUE_ON_ERROR: "true",
        XDG_STATE_HOME: this.place === "inside" ? INSIDE : this.folder,
        ...(this.place === "inside" && { HOME: INSIDE }),
      },
    });
    await new Promise((resolve) => worker.once("spawn", resolve));
    return worker;
  }
}

async function end(worker: ChildProcess | undefined): Promise<void> {
  if (worker?.connected !== true) return;
  const exited = new Promise((resolve) => worker.once("exit", resolve));
  worker.disconnect();
  await exited;
}
