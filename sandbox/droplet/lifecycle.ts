import { execFileSync, fork } from "node:child_process";
import { mkdir, open, readFile, rm } from "node:fs/promises";
import { realpathSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { removeCgroups } from "./cgroups";
import { resolveArtefacts, type ArtefactChoice } from "./artefacts";
import { makeFiles } from "./files";
import { withLock } from "./lock";
import { checkout, dropletPaths, dropletsFolder } from "./paths";
import { isAlive, membersOf, ownNamespaces, signal, waitUntil } from "./processes";
import { checkName, readRecord, recordedNames, writeRecord, type DropletRecord, type ProcessId } from "./state";
import type { SupervisorMessage } from "./supervisor";

/** The longest wait for the end of a droplet's processes, milliseconds. */
const stopLimit = 30_000;

/** The options of a start. The default of each is the value of the last start, or of a new droplet. */
export interface StartOptions extends ArtefactChoice {
  readonly name: string;
  /** The port of 127.0.0.1 that ssh answers on; any free one by default. */
  readonly port?: number | undefined;
  /** Whether /opt/swarm is on a file system that clones files by reference (XFS); by default it is a folder. */
  readonly reflink?: boolean | undefined;
}

/** The result of a start. */
export interface StartResult {
  readonly droplet: DropletRecord;
  /** Whether this call started it. */
  readonly started: boolean;
  /** Requested options that a running droplet does not have; a stop and a start would apply them. */
  readonly differs: string[];
}

/** A droplet and whether it runs. */
export interface DropletStatus extends DropletRecord {
  readonly running: boolean;
}

function isRunning(record: DropletRecord | undefined): boolean {
  const processes = record?.processes;
  return processes ? Object.values(processes).every(isAlive) : false;
}

/**
 * Starts a droplet. A running one stays as it is; a stopped one starts again with the same keys, port and files.
 * @throws with the end of the supervisor's log where it does not start; no process is left then
 */
export async function startDroplet(options: StartOptions): Promise<StartResult> {
  const name = checkName(options.name);
  return withLock(dropletPaths(name).lock, async () => {
    const before = await readRecord(name);
    if (before && isRunning(before)) return { droplet: before, started: false, differs: differences(options, before) };
    if (before) await end(before);
    return { droplet: await launch(options, before), started: true, differs: [] };
  });
}

function differences(options: StartOptions, droplet: DropletRecord): string[] {
  const settings = (["port", "reflink"] as const).filter(
    (key) => options[key] !== undefined && options[key] !== droplet[key],
  );
  const files = (["firecracker", "kernel", "rootfs"] as const).filter((key) => {
    const asked = options[key];
    return asked !== undefined && droplet[key] !== (asked === "none" ? null : realpathSync(asked));
  });
  return [...settings, ...files];
}

async function launch(options: StartOptions, before: DropletRecord | undefined): Promise<DropletRecord> {
  const name = options.name;
  const chosen: DropletRecord["chosen"] = {
    firecracker: options.firecracker ?? before?.chosen.firecracker,
    kernel: options.kernel ?? before?.chosen.kernel,
    rootfs: options.rootfs ?? before?.chosen.rootfs,
  };
  const artefacts = await resolveArtefacts(chosen);
  await mkdir(dropletsFolder(), { recursive: true, mode: 0o700 });
  const reflink = options.reflink ?? before?.reflink ?? false;
  const hostKey = await makeFiles(name, reflink);
  writeRecord({
    name,
    host: "127.0.0.1",
    port: options.port ?? before?.port ?? 0,
    user: "root",
    privateKeyPath: dropletPaths(name).privateKey,
    hostKey,
    created: before?.created ?? new Date().toISOString(),
    chosen,
    ...artefacts,
    reflink,
    processes: null,
  });
  try {
    await startSupervisor(name);
  } catch (error) {
    removeCgroups(name);
    throw error;
  }
  const record = await readRecord(name);
  if (!record || !isRunning(record)) throw new Error(`the droplet ${name} ended right after its start.`);
  return record;
}

async function startSupervisor(name: string): Promise<void> {
  const { log } = dropletPaths(name);
  const output = await open(log, "w", 0o600);
  try {
    const child = fork(resolve(__dirname, "supervisor.ts"), [name], {
      execArgv: ["-r", resolve(checkout, "register.cjs")],
      detached: true,
      stdio: ["ignore", output.fd, output.fd, "ipc"],
      cwd: "/",
      env: process.env,
    });
    const failure = await new Promise<string | null>((done) => {
      child.once("message", (message: SupervisorMessage) => done(message.error));
      child.once("error", (error) => done(error.message));
      child.once("exit", (code, by) => done(`its supervisor ended: ${code ?? by ?? "unknown"}`));
    });
    if (child.connected) child.disconnect();
    child.unref();
    if (failure === null) return;
    const tail = (await readFile(log, "utf8")).trim().split("\n").slice(-10).join("\n");
    throw new Error(`the droplet ${name} did not start: ${failure}${tail ? `\n${log} ends:\n${tail}` : ""}`);
  } finally {
    await output.close();
  }
}

/** The loop devices of an image, found by its inode, because the mount through which it was opened is gone. */
function loopDevicesOf(image: string): string[] {
  const inode = statSync(image, { throwIfNoEntry: false })?.ino;
  if (inode === undefined) return [];
  const listed = execFileSync("losetup", ["--list", "--noheadings", "--raw", "--output", "NAME,BACK-INO"]);
  const devices = listed
    .toString()
    .split("\n")
    .map((line) => line.split(" "));
  return devices.flatMap(([device, backing]) => (device && backing === String(inode) ? [device] : []));
}

/** Kills all processes of a droplet at once, like a power cut, and waits until they and the loop devices are gone. */
async function end(record: DropletRecord): Promise<void> {
  if (!record.processes) return;
  const { supervisor, init, internet } = record.processes;
  const namespaces = [...ownNamespaces(init), ...ownNamespaces(internet)];
  // The kernel ends everything in a pid namespace with its pid 1.
  for (const process of [init, internet, supervisor]) signal(process, "SIGKILL");
  // Listed once, while they die: the kernel reuses the inodes of namespaces that are gone.
  const members = membersOf(namespaces);
  // The nsenter of a connection stops itself when somebody stops the sshd that it has started, and then outlives it.
  for (const member of members) signal(member, "SIGCONT");
  const living = (): ProcessId[] => [init, internet, supervisor, ...members].filter(isAlive);
  const image = dropletPaths(record.name).swarmImage;
  const gone = await waitUntil(() => living().length === 0 && loopDevicesOf(image).length === 0, stopLimit);
  if (!gone) {
    const held = `processes ${
      living()
        .map(({ pid }) => pid)
        .join(", ") || "none"
    }, loop devices ${loopDevicesOf(image).join(", ") || "none"}`;
    throw new Error(`the droplet ${record.name} did not end within ${stopLimit / 1000} s; still there: ${held}.`);
  }
  removeCgroups(record.name);
  writeRecord({ ...record, processes: null });
}

/**
 * Stops a droplet; succeeds where it does not run.
 * @param purge whether to remove its files and keys too
 * @returns whether there was anything to stop or remove
 */
export async function stopDroplet(name: string, { purge = false } = {}): Promise<boolean> {
  const paths = dropletPaths(checkName(name));
  return withLock(paths.lock, async () => {
    const record = await readRecord(name);
    const running = isRunning(record);
    if (record) await end(record);
    if (purge) await rm(paths.folder, { recursive: true, force: true });
    return running || (purge && record !== undefined);
  });
}

/** Stops a droplet like a power cut and starts it again: files and keys stay, /run, /tmp and the network are new. */
export async function rebootDroplet(name: string): Promise<DropletRecord> {
  if (!(await readRecord(name))) throw new Error(`there is no droplet ${name}.`);
  await stopDroplet(name);
  return (await startDroplet({ name })).droplet;
}

/** All droplets of this checkout, by name. */
export async function listDroplets(): Promise<DropletStatus[]> {
  const records = await Promise.all((await recordedNames()).map(readRecord));
  return records.flatMap((record) => (record ? [{ ...record, running: isRunning(record) }] : []));
}
