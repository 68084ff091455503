import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

/** Real guests for the tests of this folder: QEMU under software emulation, each in its own network namespace. */

const exec = promisify(execFile);
export const guestAddress = "192.168.241.2";

/** Options of `startGuest`. */
export interface GuestOptions {
  /** The kernel, an ELF file. */
  kernel: string;
  /** The root file system; the guest writes to a copy. */
  rootfs: string;
  /** Further kernel arguments. */
  kernelArguments?: string;
  /** The CPU that the guest sees, as QEMU names it. */
  cpu?: string;
  /** False: nothing listens on the metadata address. */
  metadata?: boolean;
}

/** A running guest. `stop` ends all of its parts. */
export interface Guest {
  readonly folder: string;
  /** The copy of the root file system that the guest uses. */
  readonly disk: string;
  console(): Promise<string>;
  /** Waits until the console shows `pattern`; fails after `seconds` with its content. */
  waitConsole(pattern: RegExp, seconds?: number): Promise<string>;
  /**
   * Makes `document` the identity document of the metadata service; undefined: none. As on a droplet it is removed once the
   * guest reports that it has taken it, unless it is `kept`.
   */
  put(document: string | undefined, kept?: "kept"): Promise<void>;
  /** Runs a program in the guest's network namespace; its exit code, stdout and stderr together. */
  inside(argv: string[]): Promise<{ code: number; output: string }>;
  /** Waits until the virtual machine has ended. */
  ended(seconds?: number): Promise<void>;
  stop(): Promise<void>;
}

/** Runs a build script of this folder; returns the folder that it prints. */
export async function build(script: string, argv: string[] = [], env: Record<string, string> = {}): Promise<string> {
  const options = { env: { ...process.env, ...env }, maxBuffer: 1 << 24 };
  return (await exec(join(__dirname, script), argv, options)).stdout.trim();
}

/** Polls `probe` until it returns a value; fails with `what()` after `seconds`. */
export async function eventually<T>(
  probe: () => Promise<T | undefined>,
  what: () => Promise<string>,
  seconds: number,
): Promise<T> {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const value = await probe();
    if (value !== undefined) return value;
    if (Date.now() > end) throw new Error(`not within ${seconds} s: ${await what()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/**
 * The namespace's first process. Its children are the metadata service and QEMU; all end with it (--kill-child and a pid
 * namespace). Values come as environment variables.
 */
const launch = String.raw`
set -eu
ip link set lo up
ip tuntap add dev tap0 mode tap
ip addr add 192.168.241.1/29 dev tap0
ip addr add 169.254.169.254/32 dev tap0
ip link set tap0 up
if [ "$METADATA" = yes ]; then node "$RESPONDER" "$FOLDER/document" & fi
# Under emulation the guest's clock source is this machine's TSC, which it cannot calibrate reliably.
khz=$(awk -F: '/^cpu MHz/ { printf "%d", $2 * 1000; exit }' /proc/cpuinfo)
qemu-system-x86_64 -M microvm,acpi=off -cpu "$CPU" -accel tcg -smp 1 -m 128M -nodefaults -no-user-config \
  -display none -kernel "$KERNEL" \
  -append "console=ttyS0 root=/dev/vda rw panic=1 quiet reboot=t pci=off tsc_early_khz=$khz ip=192.168.241.2::192.168.241.1:255.255.255.248::eth0:off $ARGUMENTS" \
  -drive id=d0,if=none,format=raw,file="$FOLDER/rootfs.ext4",cache=unsafe -device virtio-blk-device,drive=d0 \
  -netdev tap,id=n0,ifname=tap0,script=no,downscript=no,vhost=off \
  -device virtio-net-device,netdev=n0,mac=06:00:c0:a8:f1:02 -serial file:"$FOLDER/console" -no-reboot`;

/** The pid, in this process's pid namespace, of the child of `unshare --fork`, the first process in the new namespaces. */
async function firstChild(unshare: ChildProcess): Promise<string> {
  const pid = unshare.pid;
  if (pid === undefined) throw new Error("unshare did not start");
  return eventually(
    async () => /^\d+/.exec(await readFile(`/proc/${pid}/task/${pid}/children`, "utf8"))?.[0],
    () => Promise.resolve("unshare has no child"),
    10,
  );
}

/** Like the droplet (droplet/guest/handover.sh). */
async function clearOnceTaken(
  file: string,
  generation: string,
  console: () => Promise<string>,
  ended: Promise<void>,
): Promise<void> {
  const guest: { runs: boolean } = { runs: true };
  void ended.then(() => (guest.runs = false));
  while (guest.runs && !(await console()).includes(`hornet-identity: taken ${generation} `)) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await rm(file, { force: true });
}

/** Boots a guest in new network, mount and pid namespaces. Needs root, iproute2, util-linux, QEMU. */
export async function startGuest(options: GuestOptions): Promise<Guest> {
  const folder = await mkdtemp(join(tmpdir(), "hornet-guest-"));
  const disk = join(folder, "rootfs.ext4");
  await exec("cp", ["--sparse=always", options.rootfs, disk]);
  const env = {
    ...process.env,
    FOLDER: folder,
    KERNEL: options.kernel,
    RESPONDER: join(__dirname, "testing-metadata.cjs"),
    METADATA: options.metadata === false ? "no" : "yes",
    CPU: options.cpu ?? "qemu64,+rdrand",
    ARGUMENTS: options.kernelArguments ?? "",
  };
  const flags = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
  const unshare = spawn("unshare", [...flags, "sh", "-c", launch], { env, stdio: ["ignore", "ignore", "pipe"] });
  let stderr = "";
  unshare.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const exited = new Promise<void>((resolve) => unshare.once("exit", () => resolve()));
  const first = await firstChild(unshare);
  const console = (): Promise<string> => readFile(join(folder, "console"), "utf8").catch(() => "");
  const shown = async (): Promise<string> => `the console shows:\n${await console()}\n${stderr}`;
  return {
    folder,
    disk,
    console,
    waitConsole: (pattern, seconds = 90) =>
      eventually(
        async () => {
          const text = await console();
          return pattern.test(text) ? text : undefined;
        },
        async () => `${pattern.source}; ${await shown()}`,
        seconds,
      ),
    put: async (document, kept) => {
      const file = join(folder, "document");
      if (document === undefined) return rm(file, { force: true });
      // Renamed: the guest polls continuously, and once read half a document on a busy machine.
      await writeFile(`${file}.draft`, document, { mode: 0o600 });
      await rename(`${file}.draft`, file);
      if (kept === undefined)
        void clearOnceTaken(file, /^generation=(.*)$/m.exec(document)?.[1] ?? "", console, exited);
    },
    inside: (argv) =>
      new Promise((resolve) => {
        execFile("nsenter", ["-t", first, "-n", ...argv], { timeout: 60_000 }, (error, stdout, errors) =>
          resolve({ code: error ? Number(error.code ?? 255) : 0, output: stdout + errors }),
        );
      }),
    ended: async (seconds = 60) => {
      const late = new Promise<"late">((resolve) => setTimeout(() => resolve("late"), seconds * 1000).unref());
      if ((await Promise.race([exited, late])) === "late") throw new Error(`the guest runs on; ${await shown()}`);
    },
    stop: async () => {
      if (unshare.exitCode === null && unshare.signalCode === null) unshare.kill("SIGKILL");
      await exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
}
