import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "hornet-vmm-end-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

// A loaded droplet: what waits for a VMM that has ended needs a second to say so.
const SLOW_WAITER = `sh -c 'sleep 1; : >"$1/vmm.exit"; :' hornet-wait "$1" &`;

test("what waits for an ended VMM writes nothing once the VMM is ended for a delete", () => {
  const parts = ["core/common", "core/process", "keepers/helper", "guest/handover", "jail/cgroup", "vm/vm", "vm/vmm"];
  const library = parts.map((part) => `. "$0/${part}.sh"`).join("; ");
  const ended = "sleep 0.2 & ended=$!; write_pid vmm.pid $ended || exit; wait $ended";
  const script = `${library}; cd "$1"; vmm_timeout_ms=1000; owner=hornet:test; ${ended}; ${SLOW_WAITER} end_vmm "$1" && rm -rf "$1"/*; sleep 1.2`;
  execFileSync("bash", ["-c", script, join(__dirname, ".."), folder], { stdio: ["ignore", "ignore", "inherit"] });
  expect(readdirSync(folder)).toEqual([]);
});
