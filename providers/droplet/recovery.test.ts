/** VMMs that end or hang between two operations run again on their own disks, without the operator. */
import { sessions, type Driver } from "../../test/support/scratchProvider";
import { declared, Stage } from "../../test/support/scratchStage";

jest.setTimeout(240_000);

const runtime = "/opt/swarm/runtime";
const dir = `${runtime}/vm7`;
const home = `${runtime}/.recovery-*`;

const stage = Stage.use({
  withVmm: true,
  undo: async () => {
    for (const one of [vm, template, net, bridge, keeper]) await one.delete();
  },
});

let keeper: Driver;
let bridge: Driver;
let net: Driver;
let template: Driver;
let vm: Driver;

beforeEach(async () => {
  keeper = await stage.recovery();
  bridge = await stage.bridge();
  net = await stage.namespace();
  template = await stage.artifact();
  for (const one of [keeper, bridge, net, template]) await one.create();
  vm = await stage.vm(template.outs.artifact, { recovery: { backoff: 1, budget: 2 } });
});

/** Ends the operation: an open session holds the droplet's lock, and the keeper waits for it. */
const after = (): Promise<void> => sessions.close();

const kill = `read -r p _ <${dir}/vmm.pid; kill -9 $p; while kill -0 $p 2>/dev/null; do sleep 0.01; done`;
/** Waits until another VMM than `$p` runs and the keeper has done its work. The test's own limit ends a wait in vain. */
const back = `until read -r n _ <${dir}/vmm.pid && [[ $n != "$p" ]] && kill -0 $n && [[ -s ${dir}/recovery && -s ${dir}/recoveries && ! -e /run/hornet ]]; do sleep 0.05; done 2>/dev/null`;
/** Two looks of the keeper. */
const twoLooks = "sleep 3";
const alive = `read -r p _ <${dir}/vmm.pid; kill -0 $p 2>/dev/null && echo runs || echo ended`;

/** What work says on stderr, as the user sees it. */
async function saidBy<T>(work: () => Promise<T>): Promise<{ readonly result: T; readonly text: string }> {
  let text = "";
  const written = jest.spyOn(process.stderr, "write").mockImplementation((piece) => {
    text += String(piece);
    return true;
  });
  try {
    return { result: await work(), text };
  } finally {
    written.mockRestore();
  }
}

test("a killed VMM is back on its disk; a read finds all as declared and says what happened; a budget ends it", async () => {
  await vm.create();
  expect(await vm.read()).toMatchObject(declared);
  await after();
  await stage.run(`printf lived | dd of=${dir}/rootfs.ext4 conv=notrunc status=none; ${kill}; ${back}`);
  const said = await saidBy(() => vm.read());
  expect(said.result).toMatchObject(declared);
  expect(said.text).toMatch(/vm7 on \S+: restarted 1 time, last: VMM exited with 137 at \S+Z \(pid \d+\)\n/);
  expect(await keeper.read()).toMatchObject(declared);
  expect(await stage.run(`head -c 5 ${dir}/rootfs.ext4; grep ^started_from= ${dir}/record`)).toBe(
    "livedstarted_from=disk\n",
  );
  // Its guest gets its whole identity again.
  const asked = `curl -s --unix-socket ${dir}/firecracker.sock http://localhost/mmds`;
  const identity = await stage.run(`until ${asked} | grep -q generation=; do sleep 0.05; done; ${asked}`);
  expect(identity).toContain(String(vm.outs.generation));
  expect(identity).toContain("very");
  await after();
  await stage.run(`${kill}; ${back}; ${kill}; ${twoLooks}`);
  expect(await stage.run(alive)).toBe("ended\n");
  const spent = await saidBy(() => vm.read());
  expect(spent.text).toContain("restarted 2 times");
  expect(String(spent.result.condition)).toMatch(/^VMM exited with 137/);
  // An operation's start begins a new budget.
  await vm.update();
  await after();
  await stage.run(`${kill}; ${back}`);
  expect(await vm.read()).toMatchObject(declared);
});

test("what an operation ends, or works on, stays as it is; a clone without its disk is left to the next operation", async () => {
  await vm.create();
  await sessions.of(stage.droplet.connection).hold();
  await stage.run(`${kill}; ${twoLooks}`);
  expect(await stage.run(alive)).toBe("ended\n");
  await after();
  await stage.run(`p=0; ${back}`);
  await stage.run(`rm ${dir}/rootfs.ext4; ${kill}; ${twoLooks}`);
  expect(await stage.run(`${alive}; [[ -e ${dir}/rootfs.ext4 ]] || echo no disk`)).toBe("ended\nno disk\n");
  await vm.update();
  await vm.delete();
  await after();
  await stage.run(twoLooks);
  expect(await stage.run(`ls ${dir}; pgrep -cx 'stub|firecracker' || :`)).toBe("begun\nhost-veth\nowner\n0\n");
});

test("no file and no argument list holds what a keeper restarts a clone by; one that is killed is drift of both", async () => {
  await vm.create();
  await after();
  await stage.run(`${kill}; ${back}`);
  const search = `grep -rlE -e "very.?'?.?secret|PRIVATE KEY" ${runtime} /run /tmp 2>/dev/null || :; cat /proc/[0-9]*/cmdline | tr '\\0' '\\n' | grep -cE "^[A-Z_]*=?very" || :`;
  expect(await stage.run(search)).toBe("0\n");
  expect(await stage.run(`stat -c '%a %n' ${home} ${home}/* | sed 's|/opt.*/||'`)).not.toMatch(/^\d[1-7]/m);
  await stage.run(`read -r k _ <$(echo ${home}/pid); kill -9 $k; while kill -0 $k 2>/dev/null; do sleep 0.01; done`);
  expect(await keeper.read()).toMatchObject({ condition: "the recovery keeper does not run" });
  expect(await vm.read()).toMatchObject({ condition: "the recovery keeper cannot restart vm7 as declared" });
  await keeper.update();
  await vm.update();
  expect([await keeper.read(), await vm.read()]).toMatchObject([declared, declared]);
  expect(await stage.run(alive)).toBe("runs\n");
  await vm.update({ recovery: undefined });
  expect(await vm.read()).toMatchObject(declared);
  await after();
  await stage.run(`${kill}; ${twoLooks}`);
  expect(await stage.run(alive)).toBe("ended\n");
  await vm.update();
});

test("a VMM that hangs is ended and started again, and a read says so", async () => {
  vm = await stage.vm(template.outs.artifact, { recovery: { hung: 10 } });
  await vm.create();
  await after();
  await stage.run(`read -r p _ <${dir}/vmm.pid; kill -STOP $p; ${back}`);
  const said = await saidBy(() => vm.read());
  expect(said.result).toMatchObject(declared);
  expect(said.text).toMatch(/vm7 on \S+: restarted 1 time, last: VMM and guest were silent at \S+Z \(pid \d+\)/);
});
