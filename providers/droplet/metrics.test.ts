/** What VMMs count is collected for node_exporter where that is asked for, and what collects it is seen, mended, taken away. */
import { readPromText, type Samples } from "../../test/support/promText";
import { effectsOf, type Driver } from "../../test/support/scratchProvider";
import { declared, Stage } from "../../test/support/scratchStage";

jest.setTimeout(120_000);

const runtime = "/opt/swarm/runtime";
const dir = `${runtime}/vm7`;
const home = `${runtime}/.metrics-*`;
const folder = "/run/node/text file";
const file = `/run/node/text*/hornet-*.prom`;

const stage = Stage.use({
  withVmm: true,
  undo: async () => {
    for (const one of [vm, template, net, bridge, collecting]) await one.delete();
  },
});

let collecting: Driver;
let bridge: Driver;
let net: Driver;
let template: Driver;
let vm: Driver;

beforeEach(async () => {
  collecting = await stage.metrics({ folder });
  bridge = await stage.bridge();
  net = await stage.namespace();
  template = await stage.artifact();
  for (const one of [collecting, bridge, net, template]) await one.create();
  vm = await stage.vm(template.outs.artifact, { metrics: true });
});

const pid = (of: string): Promise<string> => stage.run(`cut -d' ' -f1 ${of}`);
const ask = `curl -sS --fail-with-body --unix-socket ${dir}/firecracker.sock -H 'Content-Type: application/json' http://localhost`;
const flush = `${ask}/actions -X PUT -d '{"action_type":"FlushMetrics"}'`;
const labels = 'clone="vm7",stack="p/one"';

/** The figures, once a line of the file is as wanted; the test's own limit ends a wait in vain. */
async function figures(line: string): Promise<Samples> {
  return readPromText(await stage.run(`until grep -q '${line}' ${file}; do sleep 0.1; done; cat ${file}`));
}

const value = (samples: Samples, name: string): number | undefined => samples[`${name}{${labels}}`];

test("counters add up over the lines in a world-readable file, which has no secret; no other file is open", async () => {
  await vm.create();
  const actions = "firecracker_put_api_requests_actions_count_total";
  for (const asked of [3, 5]) await stage.run(`for n in $(seq ${asked}); do ${flush}; done`);
  const seen = await figures(`^${actions}.* 8$`);
  expect(value(seen, "hornet_clone_up")).toBe(1);
  expect(value(seen, "hornet_clone_metrics_age_seconds")).toBeLessThan(10);
  // One when the guest was started.
  expect(value(seen, "hornet_clone_metrics_lines_total")).toBe(9);
  expect(value(seen, "hornet_clone_metrics_lost_lines_total")).toBe(0);
  expect(value(seen, "firecracker_put_api_requests_metrics_count_total")).toBe(1);
  // No counter: it is as it was last, not added up.
  const latency = value(seen, "firecracker_latencies_us_load_snapshot") ?? 0;
  expect(latency).toBeGreaterThan(0);
  await stage.run(`${flush}; ${flush}`);
  expect(value(await figures(`^${actions}.* 10$`), "firecracker_latencies_us_load_snapshot")).toBe(latency);
  expect(await stage.run(`cd /run/node/text*; stat -c '%a %n' hornet-*; cat hornet-* | grep -c secret || :`)).toMatch(
    /^644 hornet-[0-9a-f]{12}\.prom\n0\n$/,
  );
  expect(
    await stage.run(
      `find ${dir} ${home} -mindepth 1 -name jail -prune -o -perm /077 ! -type l -print; stat -c %a ${dir} ${home}`,
    ),
  ).toBe("700\n700\n");
});

test("the metrics show an ended VMM as down and count its successor from zero, and a removed clone leaves no line", async () => {
  await vm.create();
  await stage.run(`for n in 1 2 3; do ${flush}; done`);
  await figures("^firecracker_put_api_requests_actions_count_total.* 3$");
  await stage.run(`kill -9 $(cut -d' ' -f1 ${dir}/vmm.pid)`);
  const down = await figures("^hornet_clone_up.* 0$");
  expect(value(down, "firecracker_put_api_requests_actions_count_total")).toBe(3);
  // It boots from its disk now.
  await vm.update();
  const again = await figures("^hornet_clone_metrics_lines_total.* 1$");
  expect(value(again, "hornet_clone_up")).toBe(1);
  expect(value(again, "firecracker_put_api_requests_actions_count_total")).toBe(1);
  await vm.delete();
  await net.delete();
  await stage.run(`while grep -q vm7 ${file}; do sleep 0.1; done`);
  expect(await stage.run(`cat ${file}`)).toBe("");
});

test("metrics begin and end with a VM's next start, and until then the missing ones are drift", async () => {
  await vm.update({ metrics: false }).catch(() => undefined);
  vm = await stage.vm(template.outs.artifact);
  const effects = await effectsOf(stage.droplet.folder, () => vm.create());
  expect(effects.filter((name) => name.includes("metrics"))).toEqual([]);
  expect(await stage.run(`ls ${dir}; grep -c /metrics ${dir}/console.log || :`)).not.toContain("metrics");
  const before = await pid(`${dir}/vmm.pid`);
  await vm.update({ metrics: true });
  expect(await pid(`${dir}/vmm.pid`)).toBe(before);
  const seen = await figures("^hornet_clone_up.* 1$");
  expect(Object.keys(seen)).toEqual([`hornet_clone_up{${labels}}`]);
  await stage.run(`kill -9 ${before}`);
  await vm.update();
  await figures("^hornet_clone_metrics_age_seconds");
  const asked = await pid(`${dir}/vmm.pid`);
  await vm.update({ metrics: false });
  expect(await pid(`${dir}/vmm.pid`)).toBe(asked);
  await stage.run(`kill -9 ${asked}`);
  await vm.update();
  await stage.run(`[[ ! -e ${dir}/metrics.pipe ]]; while grep -q lines_total ${file}; do sleep 0.1; done`);
});

test("a VMM continues without a collector, and the next collector reads the rest of its pipe", async () => {
  await vm.create();
  await stage.run(`kill -9 $(cut -d' ' -f1 ${home}/pid)`);
  // A full pipe refuses a line; nothing waits for it and nothing ends.
  await stage.run(
    `for n in $(seq 100); do ${flush} >/dev/null || :; done; ${ask}/ | grep -q Paused || ${ask}/ | grep -q Running`,
  );
  expect(await vm.read()).toMatchObject(declared);
  await collecting.update();
  const first = await figures("^hornet_clone_metrics_lines_total");
  const lines = value(first, "hornet_clone_metrics_lines_total") ?? 0;
  expect(lines).toBeGreaterThan(10);
  await stage.run(flush);
  const next = await figures(`^hornet_clone_metrics_lines_total.* ${lines + 1}$`);
  expect(value(next, "firecracker_logger_missed_metrics_count_total")).toBeGreaterThan(0);
});

const nothing = "the metrics collector does not run";

test.each([
  ["killed", `kill -9 $(cut -d' ' -f1 ${home}/pid)`, nothing],
  ["stopped", `kill -STOP $(cut -d' ' -f1 ${home}/pid)`, nothing],
  ["told to end", `rm ${home}/pid`, nothing],
  ["robbed of its folder", `rm -r ${home}`, nothing],
  ["robbed of its mark", `rm ${home}/owner ${home}/pid`, nothing],
  ["given another folder", `echo /run/no >${home}/folder`, `the clones' metrics go to /run/no, not to ${folder}`],
  ["robbed of where it writes", `rm -r /run/node`, `the clones' metrics are missing in ${folder}`],
])(
  "a collector that was %s is drift, and update repairs it without touching the clones",
  async (_what, drift, words) => {
    await vm.create();
    const before = await pid(`${dir}/vmm.pid`);
    await stage.repairs(collecting, drift, words);
    expect(await vm.read()).toMatchObject(declared);
    expect(await pid(`${dir}/vmm.pid`)).toBe(before);
    expect(await stage.run("pgrep -fc '[h]ornet-metrics /'")).toBe("1\n");
    await figures("^hornet_clone_up.* 1$");
  },
);

test("another folder leaves nothing in the first one, and an existing folder stays with the files of others", async () => {
  await stage.run("mkdir /run/theirs; echo 'other 1' >/run/theirs/other.prom");
  try {
    await vm.create();
    await figures("^hornet_clone_up.* 1$");
    await collecting.update({ folder: "/run/theirs" });
    expect(await stage.run("ls -A /run/theirs; ls -d /run/node 2>&1 || :")).toMatch(
      /^hornet-[0-9a-f]{12}\.prom\nother\.prom\nls: cannot access/,
    );
    expect(await collecting.read()).toMatchObject(declared);
    await collecting.delete();
    expect(await stage.run("ls -A /run/theirs; pgrep -fc '[h]ornet-metrics /' || :")).toBe("other.prom\n0\n");
  } finally {
    await stage.run("rm -r /run/theirs");
  }
});

test("the error for a folder that cannot be written to names it", async () => {
  await vm.create();
  await stage.run("echo >/run/plain");
  try {
    await expect(collecting.update({ folder: "/run/plain" })).rejects.toThrow("cannot make the folder /run/plain");
  } finally {
    await stage.run("rm /run/plain");
  }
  await collecting.update({ folder });
});
