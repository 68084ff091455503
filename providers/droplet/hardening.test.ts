import { longTest } from "../../test/support/longTest";
import { Driver, effectsOf, messageWhenFailing, sessions } from "../../test/support/scratchProvider";
import { declared, other, owner, Stage } from "../../test/support/scratchStage";
import { definition as check } from "./check";
import { definition } from "./hardening";

jest.setTimeout(180_000);

const runtimeDir = "/opt/swarm/runtime";
/** What the droplet's kernel shows here, by the place over which a file of the test is mounted. */
const WEAK: Readonly<Record<string, string>> = {
  "/sys/kernel/mm/ksm/run": "1",
  "/sys/devices/system/cpu/smt/active": "1",
  "/sys/devices/system/cpu/smt/control": "on",
  "/sys/module/kvm/parameters/nx_huge_pages": "N",
  "/sys/devices/system/cpu/vulnerabilities/itlb_multihit": "KVM: Vulnerable",
  "/dev/kvm": "",
};

/** A droplet shares this machine's kernel, so files stand over its values. What this machine lacks is not tried. */
const stage = Stage.use({
  withVmm: true,
  undo: async () => {
    await sessions.close();
    await stage.run(`for at in ${Object.keys(WEAK).join(" ")}; do
        while grep -q "/hornet-weak/[0-9][^ ]* $at " /proc/self/mountinfo; do umount "$at"; done
      done; rm -rf /tmp/hornet-weak`);
  },
});
let there: readonly string[] = [];
beforeEach(async () => {
  const lines = Object.entries(WEAK).map(
    ([at, value], index) => `if [[ -e ${at} ]]; then
        echo '${value}' >/tmp/hornet-weak/${index}; chmod 666 /tmp/hornet-weak/${index}
        mount --bind /tmp/hornet-weak/${index} ${at}; echo ${at}
      fi`,
  );
  there = (await stage.run(`mkdir /tmp/hornet-weak\n${lines.join("\n")}`)).trimEnd().split("\n");
});

const ALL = ["swap", "ksm", "smt", "nx_huge_pages", "kvm"];

function hardening(who = owner, harden = ALL): Promise<Driver> {
  return Driver.of(definition, { droplet: stage.droplet.connection, owner: who, runtimeDir, harden });
}

/** The values, as lines "PLACE VALUE"; of a device its mode. */
const values = async (): Promise<string[]> =>
  (
    await stage.run(`for at in ${there.join(" ")}; do
        if [[ $at == /dev/* ]]; then echo "$at $(stat -c %a $at)"; else echo "$at $(<$at)"; fi; done`)
  )
    .trimEnd()
    .split("\n");

const STRONG: Readonly<Record<string, string>> = {
  "/sys/kernel/mm/ksm/run": "0",
  "/sys/devices/system/cpu/smt/control": "off",
  "/sys/module/kvm/parameters/nx_huge_pages": "Y",
  "/dev/kvm": "660",
};
const weak = (): string[] => there.map((at) => `${at} ${at === "/dev/kvm" ? "666" : (WEAK[at] ?? "")}`);
const strong = (): string[] => weak().map((line) => withStrong(line));
const withStrong = (line: string): string => {
  const [at = ""] = line.split(" ");
  return STRONG[at] === undefined ? line : `${at} ${STRONG[at]}`;
};

test("what is weak is set, recorded, and given back; what is changed back is drift, and repaired", async () => {
  expect(there).toContain("/sys/kernel/mm/ksm/run");
  const one = await hardening();
  await one.create();
  expect(await values()).toEqual(strong());
  expect(one.outs.changed).toMatch(/^ksm 1 0$/m);
  expect(await one.read()).toMatchObject(declared);
  await stage.run("echo 1 >/sys/kernel/mm/ksm/run");
  expect((await one.read()).condition).toBe("ksm is 1, hardened to 0 before");
  await one.update();
  expect(await values()).toEqual(strong());
  expect(await one.read()).toMatchObject(declared);

  // A point that the config names no more is given back, and the others stay.
  await one.update({ harden: ["ksm"] });
  expect(await values()).toEqual(weak().map((line) => (line.includes("/ksm/") ? withStrong(line) : line)));
  expect(one.outs.changed).toBe("ksm 1 0\n");
  expect(await one.read()).toMatchObject(declared);
  await one.update({ harden: ALL });
  expect(await values()).toEqual(strong());

  // What somebody else has set since stays.
  await stage.run("echo 2 >/sys/kernel/mm/ksm/run");
  await one.delete();
  expect(await values()).toEqual(weak().map((line) => (line.includes("/ksm/") ? line.replace(/.$/, "2") : line)));
  await one.delete();
});

test("on a droplet that lost the record, update and delete use the state's", async () => {
  const one = await hardening();
  await one.create();
  await stage.run(`rm -r ${runtimeDir}`);
  expect((await one.read()).condition).toBe("the record of what was hardened is missing");
  await one.update();
  expect(await one.read()).toMatchObject(declared);
  await stage.run(`rm -r ${runtimeDir}`);
  await one.delete();
  expect(await values()).toEqual(weak());
  await stage.run(`rmdir ${runtimeDir} 2>/dev/null || :`);
});

test("the last of two stacks that harden a droplet gives back what was there before both", async () => {
  const first = await hardening();
  await first.create();
  const second = await hardening(other, ["ksm"]);
  await second.create();
  expect(second.outs.changed).toBe("");
  await first.delete();
  expect((await values()).find((line) => line.includes("/ksm/"))).toMatch(/ 0$/);
  expect(await second.read()).toMatchObject(declared);
  await second.delete();
  expect(await values()).toEqual(weak());
});

test("Preflight says what is weak and what changes that, without what is set by itself", async () => {
  const warned = async (harden: readonly string[]): Promise<string> => {
    const droplet = stage.droplet.connection;
    const one = await Driver.of(check, { droplet, owner, runtimeDir, namespaces: ["vm7"], harden });
    await one.create();
    return (one.outs.warnings as string[]).join("\n");
  };
  const found = await warned([]);
  expect(found).toMatch(/KSM merges equal pages.*: echo 0 >\/sys\/kernel\/mm\/ksm\/run/);
  if (there.includes("/dev/kvm")) expect(found).toMatch(/every user .*\(mode 666\): chmod o-rwx \/dev\/kvm/);
  expect(await warned(ALL)).not.toMatch(/KSM|every user/);
});

test("whichever step of a create fails, nothing is left; whichever step of a delete fails, the next delete completes", async () => {
  const probe = await hardening(owner, ["ksm"]);
  const making = await effectsOf(stage.droplet.folder, () => probe.create());
  const ending = await effectsOf(stage.droplet.folder, () => probe.delete());
  expect(making).toEqual(["droplet/lineage", "hardening/claim", "hardening/note", "hardening/ksm"]);
  expect(ending).toEqual(["hardening/back-ksm", "hardening/unclaim", "droplet/release"]);
  for (const effect of making) {
    const one = await hardening(owner, ["ksm"]);
    expect(await messageWhenFailing(effect, () => one.create())).toContain(`injected failure at ${effect}`);
    expect({ effect, values: await values() }).toEqual({ effect, values: weak() });
  }
  for (const effect of ending) {
    const one = await hardening(owner, ["ksm"]);
    await one.create();
    expect(await messageWhenFailing(effect, () => one.delete())).toContain(`injected failure at ${effect}`);
    await one.delete();
    expect({ effect, values: await values() }).toEqual({ effect, values: weak() });
  }
});

longTest(
  "whichever step of a change or of a hand-over fails, the next one completes it, and destroys give all back",
  async () => {
    const [few, all] = [["swap", "kvm"], ALL];
    const changing = async (from: readonly string[], to: readonly string[]): Promise<Driver> => {
      const one = await hardening(owner, [...from]);
      await one.create();
      one.inputs.harden = to;
      return one;
    };
    for (const [from, to] of [
      [few, all],
      [all, few],
    ] as const) {
      const probe = await changing(from, to);
      const effects = await effectsOf(stage.droplet.folder, () => probe.update());
      const expected = await values();
      await probe.delete();
      expect(effects.length).toBeGreaterThan(from === few ? 2 : 3);
      for (const effect of effects) {
        const one = await changing(from, to);
        expect(await messageWhenFailing(effect, () => one.update())).toContain(`injected failure at ${effect}`);
        await one.update();
        expect({ effect, values: await values(), ...(await one.read()) }).toMatchObject({
          ...{ effect, values: expected, ...declared },
        });
        await one.delete();
        expect({ effect, values: await values() }).toEqual({ effect, values: weak() });
      }
    }
    // Two stacks harden the droplet, and the first one's destroy fails at each step.
    const both = async (): Promise<[Driver, Driver]> => {
      const [first, second] = [await hardening(), await hardening(other, ["ksm"])];
      await first.create();
      await second.create();
      return [first, second];
    };
    const [probe, heir] = await both();
    const ending = await effectsOf(stage.droplet.folder, () => probe.delete());
    await heir.delete();
    expect(ending).toContain("hardening/hand-over-ksm");
    for (const effect of ending) {
      const [first, second] = await both();
      expect(await messageWhenFailing(effect, () => first.delete())).toContain(`injected failure at ${effect}`);
      await first.delete();
      expect((await values()).find((line) => line.includes("/ksm/"))).toMatch(/ 0$/);
      await second.delete();
      expect({ effect, values: await values() }).toEqual({ effect, values: weak() });
    }
  },
);

test("Hornet names what the droplet does not let it set, and goes on", async () => {
  await stage.run("mount -o remount,bind,ro /sys/kernel/mm/ksm/run");
  const one = await hardening(owner, ["ksm"]);
  await one.create();
  expect(one.outs.changed).toBe("");
  expect(await one.read()).toMatchObject(declared);
  await one.delete();
  expect(await values()).toEqual(weak());
});
