import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";

/** One recorded answer of Firecracker 1.16.1. Rows of the same `run` were put to the same process; `⏎` is a newline. */
export const recordedRow = z.object({
  run: z.number(),
  section: z.string(),
  case: z.string(),
  request: z.string().optional(),
  body: z.string().optional(),
  status: z.string().optional(),
  response: z.string().optional(),
  arguments: z.string().optional(),
  exit: z.string().optional(),
  stdout: z.string().optional(),
  stderr: z.string().optional(),
});
export type RecordedRow = z.infer<typeof recordedRow>;

/** Reads the recorded answers. */
export function recorded(file = "recorded-1.16.1.jsonl"): RecordedRow[] {
  const text = readFileSync(join(__dirname, file), "utf8");
  return text
    .trimEnd()
    .split("\n")
    .map((line) => recordedRow.parse(JSON.parse(line)));
}

/** Builds the two programs, or takes them from the cache, and gives their folder. */
export function build(): string {
  return execFileSync(join(__dirname, "build.sh"), { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }).trim();
}

/** Waits for a condition; fails with its name after `seconds`. */
export async function until(what: string, seconds: number, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not within ${seconds} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export interface Answer {
  status: number;
  head: string;
  body: string;
}

/** Writes bytes to an API socket and reads one answer. */
export function raw(socket: string, bytes: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const connection = connect(socket);
    let text = "";
    const finish = (complete: boolean): void => {
      const split = text.indexOf("\r\n\r\n");
      if (split < 0) {
        if (!complete) return;
        reject(new Error(`no complete answer: ${JSON.stringify(text)}`));
        return;
      }
      const head = text.slice(0, split);
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
      const body = text.slice(split + 4, split + 4 + length);
      if (!complete && Buffer.byteLength(body) < length) return;
      connection.destroy();
      resolve({ status: Number(head.split(" ")[1]), head, body });
    };
    connection.setEncoding("utf8");
    connection.on("error", reject);
    connection.on("data", (data: string) => {
      text += data;
      finish(false);
    });
    connection.on("close", () => finish(true));
    connection.write(bytes);
  });
}

/** The bytes of a request as curl would send it. */
export function request(line: string, body = "", headers = "Content-Type: application/json\r\n"): string {
  const announced = body === "" ? "" : `${headers}Content-Length: ${Buffer.byteLength(body)}\r\n`;
  return `${line} HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n${announced}\r\n${body}`;
}

/** A started VMM. */
export class Vmm {
  output = "";
  errors = "";
  readonly exit: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;

  constructor(
    readonly child: ChildProcess,
    readonly socket: string,
  ) {
    child.stdout?.on("data", (data: Buffer) => (this.output += data.toString()));
    child.stderr?.on("data", (data: Buffer) => (this.errors += data.toString()));
    this.exit = new Promise((resolve) => child.on("close", (code, signal) => resolve({ code, signal })));
  }

  get pid(): number {
    if (this.child.pid === undefined) throw new Error("the VMM was not started");
    return this.child.pid;
  }

  /** Puts a request such as `PUT /actions` to it. */
  send(line: string, body: unknown = ""): Promise<Answer> {
    return raw(this.socket, request(line, typeof body === "string" ? body : JSON.stringify(body)));
  }

  /** As `send`, and fails unless the answer is a success. */
  async must(line: string, body: unknown = ""): Promise<string> {
    const answer = await this.send(line, body);
    if (answer.status >= 300) throw new Error(`${line}: ${answer.status} ${answer.body}\n${this.output}`);
    return answer.body;
  }
}

/** A scratch folder and network and mount namespaces of its own, in which VMMs are started. */
export class Arena {
  readonly folder = mkdtempSync(join(tmpdir(), "vmm-test-"));
  private readonly holders: ChildProcess[] = [];
  private readonly vmms: Vmm[] = [];
  private count = 0;

  /** Makes a pair of namespaces and gives the pid that holds them. */
  async namespace(...commands: string[][]): Promise<number> {
    const holder = spawn("unshare", ["--net", "--mount", "--propagation", "private", "sleep", "infinity"], {
      stdio: "ignore",
    });
    this.holders.push(holder);
    const pid = holder.pid ?? 0;
    await until("the namespaces exist", 10, () => readFileSync(`/proc/${pid}/comm`, "utf8") === "sleep\n");
    this.inside(pid, ["ip", "link", "set", "lo", "up"]);
    for (const command of commands) this.inside(pid, command);
    return pid;
  }

  /** Runs a command in such namespaces. */
  inside(pid: number, command: string[]): string {
    const [program = "", ...words] = command;
    return execFileSync("nsenter", ["-t", String(pid), "-n", "-m", `--wd=${this.folder}`, program, ...words], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
  }

  /** Starts a VMM with any arguments; it has the pid of the child. */
  spawn(pid: number, binary: string, words: string[], socket = ""): Vmm {
    const enter = ["-t", String(pid), "-n", "-m", `--wd=${this.folder}`, binary, ...words];
    const vmm = new Vmm(spawn("nsenter", enter, { stdio: ["ignore", "pipe", "pipe"] }), socket);
    this.vmms.push(vmm);
    return vmm;
  }

  /** Starts a VMM and waits for its API. */
  async start(pid: number, binary: string, words: string[] = []): Promise<Vmm> {
    this.count += 1;
    const socket = join(this.folder, `${this.count}.sock`);
    const vmm = this.spawn(pid, binary, ["--api-sock", socket, ...words], socket);
    // The file exists a moment before anybody listens.
    await until("the API answers", 20, async () => {
      if (vmm.child.exitCode !== null) throw new Error(`the VMM has ended: ${vmm.output}${vmm.errors}`);
      return existsSync(socket) && (await vmm.send("GET /version").catch(() => null)) !== null;
    });
    return vmm;
  }

  /** The VMMs that have not ended. */
  running(): Vmm[] {
    return this.vmms.filter((vmm) => vmm.child.exitCode === null && vmm.child.signalCode === null);
  }

  /** Ends what was started and removes the folder. */
  async close(): Promise<void> {
    for (const vmm of this.running()) vmm.child.kill("SIGKILL");
    await Promise.all(this.vmms.map((vmm) => vmm.exit));
    for (const holder of this.holders) {
      const gone = new Promise((resolve) => holder.on("close", resolve));
      if (holder.kill("SIGKILL")) await gone;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}
