/** What the collector of metrics makes of what VMMs say, and of what no VMM should. */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import {
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readPromText, type Samples } from "../../test/support/promText";

jest.setTimeout(60_000);

const owner = 'hornet:p/o"ne:0123456789ab';
let folder: string;
let file: string;
let home: string;
let collector: ChildProcess | undefined;
let pipes: number[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hornet-collector-"));
  home = join(folder, "runtime/.metrics-0123456789ab");
  file = join(folder, "figures.prom");
  mkdirSync(home, { recursive: true });
  writeFileSync(join(home, "owner"), `${owner}\n`);
});

afterEach(async () => {
  try {
    pipes.forEach(closeSync);
    pipes = [];
    rmSync(join(home, "pid"), { force: true });
    const ended = new Promise((resolve) => collector?.once("exit", resolve));
    if (collector?.exitCode === null) {
      collector.kill("SIGKILL");
      await ended;
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

function start(): void {
  const program = ["common.pl", "collector.pl"].map((part) => readFileSync(join(__dirname, part), "utf8")).join("");
  const argv = ["-e", program, "hornet-metrics", home, file];
  collector = spawn("perl", argv, { stdio: ["ignore", "inherit", "inherit"] });
}

const at = (name: string, of: string): string => join(folder, "runtime", name, of);

/** A clone whose pipe is held open for both, as its VMM does it. What is written waits there, or waits for room. */
function clone(name: string, who = owner): (text: string) => void {
  mkdirSync(at(name, ""), { recursive: true });
  writeFileSync(at(name, "owner"), `${who}\n`);
  writeFileSync(at(name, "record"), "");
  execFileSync("mkfifo", [at(name, "metrics.pipe")]);
  const pipe = openSync(at(name, "metrics.pipe"), "r+");
  pipes.push(pipe);
  return (text) => {
    writeFileSync(pipe, text);
  };
}

async function until(condition: (samples: Samples) => boolean): Promise<Samples> {
  const limit = Date.now() + 15_000;
  let text = "";
  while (Date.now() < limit) {
    text = existsSync(file) ? readFileSync(file, "utf8") : "";
    const samples = readPromText(text);
    if (condition(samples)) return samples;
    await sleep(50);
  }
  throw new Error(`not within 15 s; it is:\n${text}`);
}

const stack = 'stack="p/o\\"ne"';
const lines = (name: string, count: number) => (samples: Samples) =>
  samples[`hornet_clone_metrics_lines_total{clone="${name}",${stack}}`] === count;

/** In the form of Firecracker 1.16. */
const line = (figures: object): string => `${JSON.stringify({ utc_timestamp_ms: Date.now(), ...figures })}\n`;
const agg = (min: number, max: number, sum: number): object => ({ min_us: min, max_us: max, sum_us: sum });

test("counters add up, other values do not; devices replace their sum", async () => {
  const say = clone("vm0");
  clone("vm1", "hornet:p/two:ba9876543210");
  clone("hornet-boot-0123456789ab");
  start();
  await until((samples) => `hornet_clone_up{clone="vm0",${stack}}` in samples);
  const figures = {
    api_server: { process_startup_time_us: 7 },
    block: { read_bytes: 30, read_agg: agg(1, 9, 20) },
    block_rootfs: { read_bytes: 10, read_agg: agg(1, 9, 10) },
    block_data: { read_bytes: 20, read_agg: agg(2, 8, 10) },
    net: { rx_bytes_count: 5 },
    vhost_user_block_x: { activate_fails: 1 },
    vcpu: { exit_io_in: 3, exit_io_in_agg: agg(4, 5, 6) },
    signals: { sigpipe: 1, sigbus: 1 },
    seccomp: { num_faults: 0 },
    latencies_us: { resume_vm: 11 },
  };
  say(line(figures) + line({ ...figures, vcpu: { exit_io_in: 1, exit_io_in_agg: agg(2, 7, 1) } }));
  const seen = await until(lines("vm0", 2));
  const theirs = Object.entries(seen).flatMap(([name, value]) => {
    const [, short = "", rest = ""] = /^firecracker_(.*)\{clone="vm0",(.*)stack="p\/o\\"ne"\}$/.exec(name) ?? [];
    return short === "" ? [] : [[short + rest.replace(/device="(.*)",/, ":$1"), value] as const];
  });
  expect(Object.fromEntries(theirs)).toEqual({
    api_server_process_startup_time_us: 7,
    "block_read_agg_max_us:data": 8,
    "block_read_agg_max_us:rootfs": 9,
    "block_read_agg_min_us:data": 2,
    "block_read_agg_min_us:rootfs": 1,
    "block_read_agg_sum_us_total:data": 20,
    "block_read_agg_sum_us_total:rootfs": 20,
    "block_read_bytes_total:data": 40,
    "block_read_bytes_total:rootfs": 20,
    net_rx_bytes_count_total: 10,
    "vhost_user_activate_fails_total:block_x": 2,
    vcpu_exit_io_in_total: 4,
    vcpu_exit_io_in_agg_max_us: 7,
    vcpu_exit_io_in_agg_min_us: 2,
    vcpu_exit_io_in_agg_sum_us_total: 7,
    signals_sigpipe_total: 2,
    signals_sigbus: 1,
    seccomp_num_faults: 0,
    latencies_us_resume_vm: 11,
  });
  expect(Object.keys(seen).filter((name) => !name.includes('clone="vm0"'))).toEqual([]);
});

test("lines that are cut, too long or no JSON, and names that would break the file, are counted or left out", async () => {
  const say = clone("vm0");
  start();
  const whole = line({ vmm: { panic_count: 1 } });
  // The end of a line was lost where the pipe was full.
  say(whole.slice(0, -9) + whole);
  say('no JSON\n[1]\n{}\n{"utc_timestamp_ms":1,"a":{"b":\n');
  await until((samples) => samples[`hornet_clone_metrics_lost_lines_total{clone="vm0",${stack}}`] === 5);
  say(line({ 'net_"} 1\nx{a="': { a: 1 } }));
  say(
    line({
      net_ä: { a: 1 },
      vmm: { panic_count: 1, "b c": 1, text: "not\nsecret", nothing: null, minus: -1, list: true },
      9: { a: 1 },
    }),
  );
  say("x".repeat(100_000));
  say(`\n${whole}`);
  const seen = await until(lines("vm0", 3));
  expect(seen[`hornet_clone_metrics_lost_lines_total{clone="vm0",${stack}}`]).toBe(7);
  expect(Object.keys(seen).filter((name) => name.startsWith("firecracker_"))).toEqual([
    `firecracker_vmm_panic_count_total{clone="vm0",${stack}}`,
  ]);
  expect(seen[`firecracker_vmm_panic_count_total{clone="vm0",${stack}}`]).toBe(3);
});

test("the collector follows no link in place of its draft; it ends with its file once no folder names it", async () => {
  const victim = join(folder, "victim");
  writeFileSync(victim, "as it was");
  symlinkSync(victim, `${file}.draft`);
  start();
  await until(() => existsSync(join(home, "pid")));
  expect(readFileSync(victim, "utf8")).toBe("as it was");
  expect(lstatSync(file).mode & 0o777).toBe(0o644);
  expect(lstatSync(join(home, "pid")).mode & 0o777).toBe(0o600);
  rmSync(join(home, "pid"));
  await new Promise((resolve) => collector?.once("exit", resolve));
  expect(existsSync(file)).toBe(false);
});
