/** Hornet's folders behind links and on separate file systems: a clone works there, and a second look finds no change. */
import { definition as checkDefinition } from "../../providers/droplet/check";
import { Driver, sessions } from "../support/scratchProvider";
import { declared, owner, Stage } from "../support/scratchStage";

jest.setTimeout(180_000);

const [runtime, snapshots] = ["/opt/swarm/runtime", "/opt/swarm/snapshots"];

/** Unmounted when everything that Hornet made is gone. */
const stage = Stage.use({
  withVmm: true,
  undo: async () => {
    await stage.run(`for at in ${runtime} ${snapshots} /opt/vol; do umount "$at" 2>/dev/null || :; done
      for at in ${runtime} ${snapshots}; do if [[ -L $at ]]; then rm "$at"; else rmdir "$at" 2>/dev/null || :; fi; done
      rm -rf /opt/vol`);
  },
});

test.each<[what: string, make: string, jailer: string]>([
  [
    "behind absolute links",
    `mkdir -p /opt/vol/run /opt/vol/snap; ln -s /opt/vol/run ${runtime}; ln -s /opt/vol/snap ${snapshots}`,
    "auto",
  ],
  [
    "behind links, relative and to another one, on a separate file system",
    `mkdir /opt/vol; mount -t tmpfs none /opt/vol; mkdir /opt/vol/run /opt/vol/snap
    ln -s ../vol/link ${runtime}; ln -s run /opt/vol/link; ln -s ../vol/snap ${snapshots}`,
    "auto",
  ],
  [
    "on a file system each, mounted nosuid and without a count of inodes",
    `mkdir ${runtime} ${snapshots}; mount -t tmpfs -o nosuid,nr_inodes=0 none ${runtime}; mount -t tmpfs -o nosuid none ${snapshots}`,
    "auto",
  ],
  [
    "on a mount with noexec, nodev and nosuid, without jails",
    `mkdir ${runtime}; mount -t tmpfs -o noexec,nodev,nosuid none ${runtime}`,
    "off",
  ],
])("runtime folder and snapshots %s", async (_what, make, jailer) => {
  await stage.run(make);
  const there = await stage.observe();
  const template = await stage.artifact({ jailer });
  await template.create();
  const bridge = await stage.bridge();
  await bridge.create();
  const one = await stage.clone(template.outs.artifact, { jailer });
  await one.create();
  const vmm = `cut -d' ' -f1 ${runtime}/vm7/vmm.pid`;
  const running = await stage.run(vmm);
  expect(await one.read()).toMatchObject(declared);
  for (const each of [template, bridge]) expect(await each.read()).toMatchObject(declared);
  await one.update({ jailer });
  expect(await one.read()).toMatchObject(declared);
  expect(await stage.run(vmm)).toBe(running);
  for (const each of [one, bridge, template]) await each.delete();
  expect(await stage.changesSince(there)).toEqual([]);
});

test.each<[what: string, options: string, jailer: string, refused: RegExp | undefined]>([
  [
    "noexec under jails",
    "noexec,nosuid",
    "auto",
    /runtime is mounted noexec: .* could not start; .*mount -o remount,exec/,
  ],
  ["nodev under jails", "nodev", "auto", /runtime is mounted nodev: .* open \/dev\/kvm and \/dev\/net\/tun/],
  ["noexec, nodev and nosuid without jails", "noexec,nodev,nosuid", "off", undefined],
  ["nosuid, without a count of inodes", "nosuid,nr_inodes=0", "auto", undefined],
])("preflight judges a mount with %s", async (_what, options, jailer, refused) => {
  const inputs = { droplet: stage.droplet.connection, owner, runtimeDir: runtime, namespaces: ["vm7"], jailer };
  const check = await Driver.of(checkDefinition, inputs);
  await stage.run(`mount -t tmpfs -o ${options} none /opt/swarm`);
  try {
    const made = check.create();
    await (refused === undefined ? made : expect(made).rejects.toThrow(refused));
  } finally {
    await sessions.close();
    await stage.run("umount /opt/swarm");
  }
});
