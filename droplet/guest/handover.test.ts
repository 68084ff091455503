import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "hornet-handover-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

// A loaded droplet: the process of the handover needs half a second to its first instruction.
const SLOW_START = 'setsid() { sleep 0.5; exec setsid "$@"; }';

/** Runs a script with the library, on a clone's folder whose VMM runs and whose guest says nothing. */
function run(script: string): string {
  const parts = ["core/common", "core/process", "guest/guest", "guest/handover", "vm/vmm"];
  const library = parts.map((part) => `. "$0/${part}.sh"`).join("; ");
  const start = 'cd "$1"; : >console.log; vmm_timeout_ms=1000; write_pid vmm.pid $$; start_handover "$1" 1 "" clear';
  const argv = ["-c", `${library}; ${SLOW_START}; ${start}; ${script}`, join(__dirname, ".."), folder];
  return execFileSync("bash", argv, { encoding: "utf8" });
}

test("the handover is known from its first moment, so that a delete ends it and nothing is written afterwards", () => {
  const pid = Number(
    run(
      'read -r pid _ <handover; process_alive "$1/handover" || echo unknown; end_handover "$1"; sleep 0.7; echo "$pid"',
    ),
  );
  expect(pid).toBeGreaterThan(1);
  expect({ file: existsSync(join(folder, "handover")), runs: existsSync(`/proc/${pid}`) }).toEqual({
    file: false,
    runs: false,
  });
});
