/** The clones' consoles are kept short, whatever a guest writes, and what keeps them so is seen, mended and taken away. */
import type { Driver } from "../../test/support/scratchProvider";
import { declared, Stage } from "../../test/support/scratchStage";
import { sessions } from "../../test/support/scratchProvider";

jest.setTimeout(120_000);

const MIB = 2 ** 20;
const runtime = "/opt/swarm/runtime";
const dir = `${runtime}/vm7`;
const keeper = `${runtime}/.consoles-*`;

const stage = Stage.use({
  withVmm: true,
  undo: async () => {
    for (const one of [vm, template, net, bridge, keeping]) await one.delete();
  },
});

let keeping: Driver;
let bridge: Driver;
let net: Driver;
let template: Driver;
let vm: Driver;

beforeEach(async () => {
  keeping = await stage.consoles({ limit: 1 });
  bridge = await stage.bridge();
  net = await stage.namespace();
  template = await stage.artifact();
  for (const one of [keeping, bridge, net, template]) await one.create();
  vm = await stage.vm(template.outs.artifact);
  await vm.create();
});

/** Calls the library as a provider does. */
const library = (run: string): Promise<string> => sessions.of(stage.droplet.connection).perform({ what: "test", run });
/** Writes as a VMM does: to a file that is open for appending all the time. */
const noise = `{ for n in $(seq 40); do head -c 262144 /dev/urandom; sleep 0.02; done; printf 'the last words'; }`;
/** Waits until it is cut; the test's own limit ends a wait in vain. */
const cut = `until (($(stat -c %s ${dir}/console.log) < 1200000)); do sleep 0.2; done`;
const vmm = `cut -d' ' -f1 ${dir}/vmm.pid`;

test("a guest that writes endlessly never blocks, and the end of its console is kept", async () => {
  await stage.run(`${noise} >>${dir}/console.log; ${cut}`);
  expect(await stage.run(`tail -c 14 ${dir}/console.log`)).toBe("the last words");
  const size = Number(await stage.run(`stat -c %s ${dir}/console.log`));
  expect(size).toBeGreaterThan(0.4 * MIB);
  expect(Number(await stage.run(`stat -c %b ${dir}/console.log`)) * 512).toBeLessThan(1.3 * MIB);
  expect(await vm.read()).toMatchObject(declared);
});

test.each([
  ["one that takes blocks out of a file", "/opt/console"],
  ["another one", "/run/console"],
])(
  "lines of the identity service survive the shortening of the console, on a file system that is %s",
  async (_what, at) => {
    try {
      await stage.run(`mkdir ${at}; exec >>${at}/console.log; head -c 4096 /dev/zero
      printf 'half a line hornet-identity: ready 12ab\\r\\nhornet-identity: agent\\n'; head -c 3000000 /dev/zero; printf end`);
      await library(`console_says ${at} 'ready 12ab'`);
      await library(`shorten_console ${at}/console.log $(stat -c %s ${at}/console.log) 524288`);
      await library(`console_says ${at} 'ready 12ab'`);
      await expect(library(`console_says ${at} 'ready 12'b`)).rejects.toThrow();
      expect(
        await stage.run(`cd ${at}; ls; tail -c 3 console.log; (($(stat -c %s console.log) < 600000)) && echo`),
      ).toBe("console.log\nconsole.said\nend\n");
    } finally {
      await stage.run(`rm -r ${at}`);
    }
  },
);

test.each([
  ["killed", `kill -9 $(cut -d' ' -f1 ${keeper}/pid)`, "the console keeper does not run"],
  ["stopped", `kill -STOP $(cut -d' ' -f1 ${keeper}/pid)`, "the console keeper does not run"],
  ["given another limit", `echo 99 >${keeper}/limit`, "the console keeper limits consoles to 99 bytes, not to 1 MiB"],
  ["told to end", `rm ${keeper}/pid`, "the console keeper does not run"],
  ["robbed of its folder", `rm -r ${keeper}`, "the console keeper does not run"],
  ["robbed of its mark", `rm ${keeper}/owner ${keeper}/pid`, "the console keeper does not run"],
])("a keeper that was %s is drift, and update repairs it without touching the clones", async (_what, drift, words) => {
  const pid = await stage.run(vmm);
  await stage.repairs(keeping, drift, words);
  expect(await vm.read()).toMatchObject(declared);
  expect(await stage.run(vmm)).toBe(pid);
  expect(await stage.run("pgrep -fc '[h]ornet-consoles'")).toBe("1\n");
  await stage.run(`${noise} >>${dir}/console.log; ${cut}`);
});

test("update changes the limit, and delete leaves nothing where the keeper was killed", async () => {
  const before = await stage.run(`cat ${keeper}/pid`);
  await keeping.update({ limit: 2 });
  expect(await stage.run(`cat ${keeper}/limit ${keeper}/pid`)).toBe(`${2 * MIB}\n${before}`);
  await stage.run(`kill -STOP $(cut -d' ' -f1 ${keeper}/pid); rm -r ${keeper}`);
});
