/**
 * The process behind one running droplet: `supervisor.ts NAME`. It starts the droplet's pid 1 and the played Internet,
 * connects them, forwards ssh, and reports to its parent over IPC that the droplet runs. It ends when either of them ends, and
 * both end with it.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { Readable } from "node:stream";
import { makeCgroups } from "./cgroups";
import { forwardSsh } from "./forwarder";
import { dropletPaths, keptFolders } from "./paths";
import { identify } from "./processes";
import { readRecord, writeRecord, type DropletRecord, type ProcessId } from "./state";
import { connectUplink } from "./uplink";

/** The supervisor's answer to the process that started it: an error, or that the droplet runs. */
export interface SupervisorMessage {
  readonly error: string | null;
}

function must(process: ProcessId | undefined, what: string): ProcessId {
  if (!process) throw new Error(`${what} ended at once`);
  return process;
}

/**
 * Starts a script as pid 1 of new namespaces, and ends this process when it ends.
 * @returns the script's process, once it is ready
 */
function startPid1(what: string, namespaces: string[], argv: string[], env: NodeJS.ProcessEnv): Promise<ProcessId> {
  // Both are needed: unshare dies with this process, and the new pid 1 with unshare.
  const command = ["--pdeathsig", "KILL", "unshare", ...namespaces, "--pid", "--fork", "--kill-child", "bash", ...argv];
  const child = spawn("setpriv", command, {
    stdio: ["ignore", "inherit", "inherit", "pipe"],
    env: { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", ...env },
  });
  return new Promise((done, fail) => {
    let ready = false;
    child.on("error", fail);
    child.on("exit", (code, signal) => {
      if (ready) process.exit(0);
      fail(new Error(`${what} could not be set up: exit code ${code ?? signal ?? "unknown"}`));
    });
    (child.stdio[3] as Readable).setEncoding("utf8").on("data", (text: string) => {
      const pid = /^ready (\d+)\n/.exec(text)?.[1];
      if (pid === undefined) return;
      ready = true;
      const id = identify(Number(pid));
      if (id) done(id);
      else fail(new Error(`${what} ended at once`));
    });
  });
}

/** The jailer in the folder of a Firecracker; empty where there is none. */
function jailerBeside(firecracker: string): string {
  const jailer = join(dirname(firecracker), "jailer");
  return existsSync(jailer) ? jailer : "";
}

function dropletEnvironment(record: DropletRecord): NodeJS.ProcessEnv {
  const paths = dropletPaths(record.name);
  return {
    DROPLET_NAME: record.name,
    DROPLET_FS: dirname(paths.swarm),
    DROPLET_SWARM_IMAGE: record.reflink ? paths.swarmImage : "",
    DROPLET_FIRECRACKER: record.firecracker ?? "",
    DROPLET_JAILER: record.firecracker === null ? "" : jailerBeside(record.firecracker),
    DROPLET_KERNEL: record.kernel ?? "",
    DROPLET_ROOTFS: record.rootfs ?? "",
    DROPLET_KEEP: keptFolders.join("\n"),
    DROPLET_CGROUPS: makeCgroups(record.name),
  };
}

async function supervise(name: string): Promise<void> {
  const record = await readRecord(name);
  if (!record) throw new Error(`there is no droplet ${name}`);
  const [init, internet] = await Promise.all([
    startPid1(
      `the droplet ${name}`,
      ["--net", "--mount", "--uts", "--ipc"],
      [resolve(__dirname, "init.sh")],
      dropletEnvironment(record),
    ),
    startPid1(
      "the played Internet",
      ["--net", "--mount"],
      [resolve(__dirname, "internet.sh"), resolve(__dirname, "internet")],
      {},
    ),
  ]);
  await connectUplink(init, internet);
  const server = await forwardSsh(record.port, init);
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the ssh forwarder has no port");
  const supervisor = must(identify(process.pid), "the supervisor");
  writeRecord({ ...record, port: address.port, processes: { supervisor, init, internet } });
}

function report(error: string | null): Promise<void> {
  const message: SupervisorMessage = { error };
  return new Promise((done) => {
    if (process.send) process.send(message, () => done());
    else done();
  });
}

process.title = `droplet ${process.argv[2] ?? ""}`;
process.on("SIGTERM", () => process.exit(0));
process.on("SIGHUP", () => undefined);
supervise(process.argv[2] ?? "").then(
  async () => {
    await report(null);
    if (process.connected) process.disconnect();
  },
  async (error: unknown) => {
    await report(error instanceof Error ? error.message : String(error));
    process.exit(1);
  },
);
