import type { DropletFacts } from "./facts";
import type { Needs, Outlook } from "./needs";
import { judgeRoom } from "./room";

const MIB = 1024;
const usual = {
  "room.runtime": `${1000 * MIB} 500000 writable 7 ext2/ext3`,
  "room.artifacts": `${1000 * MIB} 500000 writable 7 ext2/ext3`,
  memory_kib: String(4000 * MIB),
  commit: "0 1000",
};

function faults(
  newClones: number,
  outlook: Partial<Outlook>,
  other: Readonly<Record<string, string>> = {},
  rolling = 0,
): string[] {
  const facts: DropletFacts = new Map(Object.entries({ ...usual, ...other }));
  const needs: Needs = {
    firecracker: "/fc",
    runtimeDir: "/run-time",
    artifactsDir: "/snapshots",
    newClones,
    rolling,
    clones: newClones,
    allClones: newClones,
    bridge: "br0",
    lanes: 4,
    overSsh: true,
    files: [],
    requireCpuFeatures: true,
    clock: 0,
    outlook: { memory: 0, disk: 0, arriving: 0, ...outlook },
  };
  const said: string[] = [];
  judgeRoom(facts, needs, { fault: (text) => void said.push(text), warn: () => undefined });
  return said;
}

test("what clones and a snapshot still to come take of one file system is added up", () => {
  const outlook = { disk: 100 * MIB, arriving: 200 * MIB };
  expect(faults(8, outlook)).toEqual([]);
  expect(faults(9, outlook)).toEqual([
    "/run-time has 1000 MiB free; 9 disks may need 900 MiB, the snapshot may need 200 MiB",
  ]);
});

test("clones that move to another snapshot have two disks for a while, and no more memory", () => {
  const outlook = { disk: 100 * MIB, arriving: 800 * MIB, memory: 16_000 };
  expect(faults(0, outlook, {}, 2)).toEqual([]);
  expect(faults(0, outlook, {}, 3)).toEqual([
    "/run-time has 1000 MiB free; 3 disks may need 300 MiB, the snapshot may need 800 MiB",
  ]);
});

test("on two file systems each is held against its own", () => {
  const outlook = { disk: 100 * MIB, arriving: 600 * MIB };
  const other = { "room.artifacts": `${500 * MIB} 500000 writable 8 ext2/ext3` };
  expect(faults(10, outlook, other)).toEqual(["/snapshots has 500 MiB free; the snapshot may need 600 MiB"]);
});

test("copies that share their blocks take next to nothing, on the template's own file system only", () => {
  const xfs = {
    "room.runtime": `${1000 * MIB} 500000 writable 7 xfs`,
    "room.artifacts": `${1000 * MIB} 500000 writable 7 xfs`,
  };
  expect(faults(250, { disk: 100 * MIB }, xfs)).toEqual([]);
  expect(faults(250, { disk: 100 * MIB, device: "9" }, xfs)).toEqual([
    "/run-time has 1000 MiB free; 250 disks may need 25000 MiB",
  ]);
});

test("a read-only file system, and one without inodes", () => {
  expect(faults(100, {}, { "room.runtime": "9 900 read-only 7 ext2/ext3" })).toEqual([
    "/run-time is on a file system that is read-only",
    "/run-time: no inodes are left",
  ]);
  // btrfs has no number of them.
  expect(faults(100, {}, { "room.runtime": "9 - writable 7 btrfs" })).toEqual([]);
});

test("a file system without owners, and a /run without room", () => {
  expect(faults(1, {}, { "room.runtime": "9000 900 writable 7 exfat rw" })).toEqual([
    "/run-time is on exfat, which keeps no owners and no sockets; use a Linux file system",
  ]);
  expect(faults(10, {}, { "room.run": "9000 39 writable 3 tmpfs rw,nosuid,nodev,noexec" })).toEqual([
    "/run has no room for 10 clones: 39 inodes and 9000 KiB are free there",
  ]);
  expect(faults(0, {}, { "room.run": "0 0 writable 3 tmpfs rw" })).toEqual([]);
});

test("memory by the snapshot's size, or by what running clones have for themselves", () => {
  expect(faults(80, { memory: 256 })).toEqual([
    "4000 MiB of memory are available; 80 clones need about 5760 MiB (72 each)",
  ]);
  expect(faults(80, { memory: 256 }, { clone_kib: String(30 * MIB) })).toEqual([]);
});

test("where the kernel keeps account of all that is mapped, mapped memory counts whole", () => {
  expect(faults(10, { memory: 256 }, { commit: `2 ${2000 * MIB}` })).toEqual([
    "vm.overcommit_memory is 2, and 2000 MiB are left to be promised; 10 clones map 2640 MiB, most of which they share: " +
      "sysctl -w vm.overcommit_memory=0",
  ]);
  expect(faults(10, { memory: 256 }, { commit: `1 ${2000 * MIB}` })).toEqual([]);
});
