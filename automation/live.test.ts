import { parseRestarts, parseUsage } from "./live";

const answer = `vm0 alive 41 2048 4096 1500 60000
vm1 recovered 1 1795848546 failed ended 42 1 2026-11-28T06:00:00Z
vm1 recovered 2 1795848549 restarted ended 42 137 2026-11-28T06:00:01Z 335544320 -
vm1 alive 43 2048 4096 200 9000
vm2 recovered 1 1795848560 restarted hung 44 - - - -
vm2 ended 44 0 0 0 0
vm3 recovered no number
and no line of ours`;

test("the restarts of a clone are one sentence, with the reason of the last one", () => {
  expect(Object.fromEntries(parseRestarts(answer))).toEqual({
    vm1: "restarted 1 time, and 1 restart failed, last: VMM killed by memory limit 320 MiB at 2026-11-28T06:00:01Z (pid 42)",
    vm2: "restarted 1 time, last: VMM and guest were silent at 2026-11-28T06:49:20.000Z (pid 44)",
  });
});

test("what the clones cost is read beside their restarts", () => {
  expect([...parseUsage(answer).keys()]).toEqual(["vm0", "vm1", "vm2"]);
  expect(parseUsage(answer).get("vm1")).toMatchObject({ alive: true, pid: 43, cpuMs: 200 });
  expect(parseUsage(answer).get("vm2")).toMatchObject({ alive: false, pid: 44 });
});
