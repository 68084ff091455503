import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SshConnection } from "../../model/connection";
import {
  dropletExec,
  observeDroplet,
  startDroplet,
  stopDroplet,
  type Observation,
  type StartOptions,
} from "../../sandbox/droplet";

/** A simulated droplet that lives as long as one test file, with its state in a folder of its own. */
export interface ScratchDroplet {
  readonly connection: SshConnection;
  /** The folder for files of the test. */
  readonly folder: string;
  /** Runs a bash script inside, past ssh, and gives what it printed. Throws where it fails. */
  run(script: string): Promise<string>;
  observe(): Promise<Observation>;
  /** Stops and removes it. Throws where it left a process. */
  end(): Promise<void>;
}

/** Runs a script inside a simulated droplet; see {@link ScratchDroplet.run}. */
export async function runScript(name: string, script: string): Promise<string> {
  // The script travels on stdin: with the whole library in it, it is too long for an argument (128 KiB).
  const argv = ["bash", "--norc", "-euc", 'script=$(cat); exec </dev/null; eval "$script"'];
  const { stdout, stderr, exitCode } = await dropletExec(name, argv, script);
  if (exitCode !== 0) throw new Error(`in the droplet: ${script}\nexit code ${exitCode}: ${stderr}`);
  return stdout;
}

/** Starts a droplet; what is not given of VMM, kernel and disk is not there. */
export async function scratchDroplet(options: Partial<StartOptions> = {}): Promise<ScratchDroplet> {
  const folder = mkdtempSync(join(tmpdir(), "hornet-test-"));
  const before = process.env.HORNET_STATE;
  process.env.HORNET_STATE = join(folder, "state");
  const name = "scratch";
  const { droplet } = await startDroplet({ name, firecracker: "none", kernel: "none", rootfs: "none", ...options });
  const { host, port, user, privateKeyPath, hostKey } = droplet;
  return {
    connection: { host, port, user, privateKeyPath, hostKey },
    folder,
    run: (script) => runScript(name, script),
    observe: () => observeDroplet(name),
    async end() {
      await stopDroplet(name, { purge: true });
      // Whoever looks through all files for a secret (canary.ts) names those of other tests too.
      const left = commandLines().filter(({ text }) => text.includes(folder) && !text.startsWith("grep -laF "));
      if (before === undefined) delete process.env.HORNET_STATE;
      else process.env.HORNET_STATE = before;
      rmSync(folder, { recursive: true, force: true });
      if (left.length > 0) throw new Error(`still running: ${left.map(({ text }) => text).join("; ")}`);
    },
  };
}

/**
 * What two listings differ in: lines that went with a minus, lines that came with a plus. IPv6 stays out: the kernel gives
 * links their link-local addresses by itself, a while after they came up.
 */
export function changes(before: Observation, after: Observation): string[] {
  return Object.keys({ ...before, ...after }).flatMap((kind) => {
    const [left, right] = [settled(kind, before), settled(kind, after)];
    const gone = left.filter((line) => !right.includes(line)).map((line) => `-${kind}: ${line}`);
    const come = right.filter((line) => !left.includes(line)).map((line) => `+${kind}: ${line}`);
    const other = gone.length + come.length === 0 && left.length !== right.length;
    return other ? [`${kind}: a line is there another number of times`] : [...gone, ...come];
  });
}

function settled(kind: string, observation: Observation): string[] {
  const lines = kind === "routes6" ? [] : (observation[kind] ?? []);
  return lines
    .filter((line) => kind !== "routes" || !line.includes('"dst":"fe80:'))
    .map((line) => (kind === "addresses" ? line.replaceAll(/,?\{"family":"inet6"[^}]*\}/g, "") : line));
}

/** The argument lists of all processes of this machine, spaces between the words. */
export function commandLines(): { readonly pid: number; readonly text: string }[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((pid) => {
      try {
        return [{ pid: Number(pid), text: readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ") }];
      } catch {
        return [];
      }
    });
}
