import { spawn, spawnSync, type ChildProcessByStdio } from "node:child_process";
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";

jest.setTimeout(60_000);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "hornet-watch-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The folder of a clone whose VMM runs. */
function clone(name: string, said: string): string {
  const dir = join(folder, name.replaceAll(" ", "-"));
  mkdirSync(dir);
  writeFileSync(join(dir, "console.log"), said);
  return dir;
}

/** A process and the lines that it has printed. */
class Lines {
  readonly all: string[] = [];
  private readonly ended: Promise<unknown>;

  constructor(readonly child: ChildProcessByStdio<Writable, Readable, null>) {
    createInterface({ input: child.stdout }).on("line", (line) => this.all.push(line));
    this.ended = new Promise((resolve) => child.on("close", resolve));
  }

  /** Waits until a line matches, and returns it. */
  async until(pattern: RegExp): Promise<string> {
    for (;;) {
      const line = this.all.find((one) => pattern.test(one));
      if (line !== undefined) return line;
      if (this.child.exitCode !== null) throw new Error(`ended without ${String(pattern)}: ${this.all.join("\n")}`);
      await sleep(20);
    }
  }

  count(pattern: RegExp): number {
    return this.all.filter((one) => pattern.test(one)).length;
  }

  async end(): Promise<void> {
    this.child.stdin.end();
    await this.ended;
  }
}

/** Starts watch_guests with these orders. `within` prefixes its command line. */
function watch(
  orders: readonly string[],
  { keyscan, within = [] }: { keyscan?: string; within?: string[] } = {},
): Lines {
  const script = `for part in core/common core/process guest/watch guest/question; do . "$0/$part.sh"; done
    ${keyscan === undefined ? "" : `PATH=${keyscan}:$PATH`}
    vmm_alive() { [[ ! -e $1/ended ]]; }
    watch_guests`;
  const words = [...within, "bash", "-c", script, join(__dirname, "..")];
  const child = spawn("env", words, { stdio: ["pipe", "pipe", "inherit"] });
  child.stdin.write(orders.map((order) => `${order}\n`).join(""));
  return new Lines(child);
}

test.each([
  ["a line", "noise\r\nhornet-identity: ready 12ab\r\n", true],
  ["the end of a line", "login: hornet-identity: ready 12ab\r\n", true],
  ["a line behind binary output", "\0\0\xff hornet-identity: ready 12ab\r\n", true],
  ["another identity", "hornet-identity: ready 12ac\r\n", false],
  ["an earlier word", "hornet-identity: waiting\r\n", false],
  ["nothing", "", false],
])("a guest that prints %s", async (what, said, expected) => {
  const [dir, last] = [clone(what, said), clone(`${what} last`, "")];
  const watched = watch([`watch 1 console - 10.0.0.2 ${dir} ready 12ab`]);
  try {
    await sleep(300);
    appendFileSync(join(last, "console.log"), "hornet-identity: ready last\n");
    watched.child.stdin.write(`watch 2 console - 10.0.0.3 ${last} ready last\n`);
    await watched.until(/^said 2$/);
    expect(watched.all.includes("said 1")).toBe(expected);
  } finally {
    await watched.end();
  }
});

test("a guest that prints byte by byte, beside a silent one and one whose VMM ends", async () => {
  const [speaks, silent, ends] = [clone("speaks", "booting\r\n"), clone("silent", "booting\r\n"), clone("ends", "")];
  const watched = watch(
    [speaks, silent, ends].map((dir, at) => `watch ${at} console - 10.0.0.${at} ${dir} ready 12ab`),
  );
  try {
    for (const byte of "hornet-identity: ready 12ab\r\n") {
      appendFileSync(join(speaks, "console.log"), byte);
      await sleep(10);
    }
    await watched.until(/^said 0$/);
    writeFileSync(join(ends, "ended"), "");
    await watched.until(/^dead 2$/);
    expect(watched.all).toEqual(["said 0", "dead 2"]);
  } finally {
    await watched.end();
  }
});

test("the shell keeps only the tail of an endless line, and finds words that follow", () => {
  const dir = clone("endless line", "x".repeat(3_000_000));
  const log = join(dir, "console.log");
  const script = `for part in core/common guest/watch guest/handover; do . "$0/$part.sh"; done
    partial="" said=no; exec {descriptor}<"$1"
    new_output_has "ready 12ab" || :
    printf '%s ' "\${#partial}"
    printf 'hornet-identity: rea' >>"$1"; new_output_has "ready 12ab" || :
    printf 'dy 12ab\r\n' >>"$1"; new_output_has "ready 12ab" && said=yes
    printf '%s\n' "$said"`;
  const { stdout } = spawnSync("bash", ["-c", script, join(__dirname, ".."), log], { encoding: "utf8" });
  expect(stdout).toBe("1024 yes\n");
});

test("words of a shortened console still count, for a few guests and for many", async () => {
  const dirs = Array.from({ length: 20 }, (_, at) => clone(`cut${at}`, "later\r\n"));
  for (const dir of dirs) writeFileSync(join(dir, "console.said"), "hornet-identity: ready 12ab\n");
  for (const some of [dirs, dirs.slice(0, 1)]) {
    const watched = watch(some.map((dir, at) => `watch ${at} console - 10.0.0.${at} ${dir} ready 12ab`));
    try {
      for (const at of some.keys()) await watched.until(new RegExp(`^said ${at}$`));
    } finally {
      await watched.end();
    }
  }
});

test("a guest that answers late, endlessly or by half delays no other, and no guest is asked twice at once", async () => {
  const key = join(folder, "host_key");
  spawnSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", key]);
  const addresses = { ssh: "10.9.0.2", slow: "10.9.0.3", endless: "10.9.0.4", half: "10.9.0.5" };
  const links = Object.values(addresses).map((address) => `ip addr add ${address}/32 dev lo`);
  const script = `ip link set lo up && ${links.join(" && ")} && mount -t tmpfs run /run && mkdir /run/sshd && exec node "$@"`;
  const servers = new Lines(
    spawn(
      "unshare",
      [
        ...[
          "--net",
          "--mount",
          "bash",
          "-c",
          script,
          "servers",
          join(__dirname, "../../test/support/slowSshServers.cjs"),
        ],
        ...Object.entries(addresses).map(([kind, address]) => `${address}=${kind}`),
      ],
      { env: { ...process.env, HOST_KEY: key, SLOW_MS: "10000" }, stdio: ["pipe", "pipe", "inherit"] },
    ),
  );
  let watched: Lines | undefined;
  try {
    await servers.until(/^ready$/);
    const dir = clone("servers", "");
    const orders = Object.values(addresses).map((address, at) => `watch ${at} ssh - ${address} ${dir}`);
    watched = watch(orders, { within: ["nsenter", `--net=/proc/${servers.child.pid}/ns/net`] });
    await watched.until(/^key 0 ssh-ed25519 /);
    expect(watched.count(/^key [123] /)).toBe(0);
    await watched.until(/^state 1 connected$/);
    await watched.until(/^state 3 banner SSH-2\.0-half$/);
    await watched.until(/^state 2 endless$/);
    await watched.until(/^key 1 ssh-ed25519 /);
    // A question may repeat after its answer.
    const connected = servers.all.slice(0, servers.all.indexOf(`${addresses.slow} served`));
    for (const address of [addresses.slow, addresses.half, addresses.endless]) {
      expect(connected.filter((line) => line === `${address} connected`)).toHaveLength(1);
    }
  } finally {
    await watched?.end();
    servers.child.kill();
    await servers.end();
  }
  const left = spawnSync("pgrep", ["-f", "ssh-keyscan.*10[.]9[.]0"]).stdout.toString();
  expect(left).toBe("");
});
