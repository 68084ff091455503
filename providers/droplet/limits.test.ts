import { release } from "node:os";
import { readLibrary } from "../../host/session/library";
import { quote } from "../../host/quote";
import { Driver, effectsOf, messageWhenFailing, sessions } from "../../test/support/scratchProvider";
import { declared, other, owner, Stage } from "../../test/support/scratchStage";
import { definition as checkDefinition } from "./check";
import { definition } from "./limits";

jest.setTimeout(120_000);

const runtimeDir = "/opt/swarm/runtime";
const sysctl = "/proc/sys/kernel/pid_max";
/** Fewer than any machine has tasks, so a clone more does not fit. */
const BEFORE = 40;

/** A droplet shares this machine's kernel, so a file stands over the value, which Hornet reads and writes as that. */
const stage = Stage.use({
  withVmm: true,
  undo: async () => {
    await sessions.close();
    await stage.run(`while umount ${sysctl} 2>/dev/null; do :; done; rm -f /tmp/pid_max /tmp/library.sh`);
  },
});
beforeEach(() =>
  stage.run(`echo ${BEFORE} >/tmp/pid_max; chmod 644 /tmp/pid_max; mount --bind /tmp/pid_max ${sysctl}`),
);

function limits(who = owner, clones = 1): Promise<Driver> {
  return Driver.of(definition, { droplet: stage.droplet.connection, owner: who, runtimeDir, clones });
}

const value = async (): Promise<number> => Number(await stage.run(`cat ${sysctl}`));

test("a limit that is too low is raised to a power of two, recorded, and restored", async () => {
  const one = await limits();
  await one.create();
  const raised = await value();
  expect(Math.log2(raised) % 1).toBe(0);
  expect(raised).toBeGreaterThan(BEFORE);
  expect(one.outs.raised).toBe(`kernel.pid_max ${BEFORE} ${raised}\n`);
  expect(await one.read()).toMatchObject(declared);
  await one.delete();
  expect(await value()).toBe(BEFORE);
  await one.delete();
});

test("a lowered value is drift and repaired, and one that somebody raised further stays", async () => {
  const one = await limits();
  await one.create();
  const raised = await value();
  await stage.run(`echo ${BEFORE} >${sysctl}`);
  expect((await one.read()).condition).toContain(`kernel.pid_max is ${BEFORE}, raised to ${raised} before`);
  await one.update();
  expect(await value()).toBeGreaterThanOrEqual(raised);
  expect(await one.read()).toMatchObject(declared);
  await stage.run(`echo ${raised * 4 + 1} >${sysctl}`);
  expect(await one.read()).toMatchObject(declared);
  await one.delete();
  expect(await value()).toBe(raised * 4 + 1);
});

test.each([
  ["its note", `rm -r ${runtimeDir}/.limits-*`],
  ["the runtime folder", `rm -r ${runtimeDir}`],
])("on a droplet that lost %s, update and delete use the state's record", async (_what, drift) => {
  const one = await limits();
  await one.create();
  await stage.run(drift);
  expect((await one.read()).condition).toContain("the record of the raised limits is missing");
  await one.update();
  expect(one.outs.raised).toMatch(new RegExp(`^kernel\\.pid_max ${BEFORE} \\d+\n$`));
  expect(await one.read()).toMatchObject(declared);
  await stage.run(drift);
  await one.delete();
  expect(await value()).toBe(BEFORE);
  // The mark that Hornet made the folder went with what was taken away.
  await stage.run(`rmdir ${runtimeDir} 2>/dev/null || :`);
});

test("the last of two stacks restores the limit, whichever raised it", async () => {
  const first = await limits();
  await first.create();
  const raised = await value();
  const bridge = await stage.bridge({}, other);
  await bridge.create();
  const second = await limits(other);
  await second.create();
  expect(second.outs.raised).toBe("");
  await first.delete();
  expect(await value()).toBe(raised);
  expect(await second.read()).toMatchObject({ ...declared, props: { raised: `kernel.pid_max ${BEFORE} ${raised}\n` } });
  await bridge.delete();
  await second.delete();
  expect(await value()).toBe(BEFORE);
});

test("after two stacks raised a limit in turn, the first value is restored", async () => {
  const first = await limits();
  await first.create();
  const raised = await value();
  // Somebody lowers it while the second one comes.
  await stage.run(`echo ${BEFORE + 1} >${sysctl}`);
  const second = await limits(other);
  await second.create();
  const again = await value();
  expect(second.outs.raised).toBe(`kernel.pid_max ${BEFORE + 1} ${again}\n`);
  await second.delete();
  expect(await first.read()).toMatchObject({
    props: { raised: `kernel.pid_max ${BEFORE} ${Math.max(raised, again)}\n` },
  });
  await first.delete();
  expect(await value()).toBe(BEFORE);
});

test("a kernel setting that cannot be written is a fault with the command to run", async () => {
  await stage.run(`mount -o remount,bind,ro ${sysctl}`);
  const one = await Driver.of(checkDefinition, {
    ...{ droplet: stage.droplet.connection, owner, runtimeDir },
    namespaces: ["vm7"],
  });
  await expect(one.create()).rejects.toThrow(
    /cannot carry this fleet; nothing was changed:\n {2}- kernel\.pid_max is 40; with 1 clones on the droplet it must be \d+, and it cannot be raised from here: sysctl -w kernel\.pid_max=\d+/,
  );
});

test("whichever step of a create fails, nothing is left; whichever step of a delete fails, the next delete completes", async () => {
  const probe = await limits();
  const raising = await effectsOf(stage.droplet.folder, () => probe.create());
  const returning = await effectsOf(stage.droplet.folder, () => probe.delete());
  expect(raising).toEqual(["droplet/lineage", "limits/claim", "limits/note", "limits/kernel.pid_max"]);
  expect(returning).toEqual(["limits/back-kernel.pid_max", "limits/unclaim", "droplet/release"]);
  for (const effect of raising) {
    const one = await limits();
    expect(await messageWhenFailing(effect, () => one.create())).toContain(`injected failure at ${effect}`);
    expect({ effect, value: await value() }).toEqual({ effect, value: BEFORE });
  }
  for (const effect of returning) {
    const one = await limits();
    await one.create();
    expect(await messageWhenFailing(effect, () => one.delete())).toContain(`injected failure at ${effect}`);
    await one.delete();
    expect({ effect, value: await value() }).toEqual({ effect, value: BEFORE });
  }
});

/** A bash script with the library before it, as a file on the droplet: it is too long for an argument. */
async function withLibrary(script: string): Promise<string> {
  await stage.run(`cat >/tmp/library.sh <<'END_OF_SCRIPT'\n${readLibrary()}\n${script}\nEND_OF_SCRIPT`);
  return "bash /tmp/library.sh";
}

test("Hornet's processes may open more files than a login", async () => {
  const inside = await withLibrary("ulimit -S -n; ulimit -H -n");
  const [soft, hard, before] = (await stage.run(`ulimit -S -n 256; ${inside}; ulimit -H -n`)).split("\n");
  expect(Number(soft)).toBe(Math.min(4096, Number(before)));
  expect(hard).toBe(before);
});

/** From Linux 6.14 on every pid namespace has a value of its own, so this one can be a kernel's and nobody is harmed. */
const [major = 0, minor = 0] = release().split(".").map(Number);
const withOwnPidMax = major > 6 || (major === 6 && minor >= 14) ? test : test.skip;

withOwnPidMax("the kernel accepts the value, and restores it", async () => {
  const body = await withLibrary(`
    runtime_dir=${runtimeDir} owner=${quote(owner)} known=''
    echo 700 >${sysctl}
    raise='kernel.pid_max 1024' raise_limits && cat ${sysctl} && return_limits && cat ${sysctl}`);
  const said = await stage.run(`unshare --pid --fork --mount --mount-proc ${body}`);
  expect(said).toBe("kernel.pid_max 700 1024\n1024\n700\n");
});
