import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "hornet-handover-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

// A loaded droplet: the process of the handover needs half a second to its first instruction.
const SLOW_START = 'eval "quick_$(declare -f run_handover)"; run_handover() { sleep 0.5; quick_run_handover "$@"; }';

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

// The identity fits into one pipe, or it does not.
test.each([10, 9000])(
  "a guest that is closed gets an identity of %i bytes, and its metadata is cleared once it is taken",
  (size) => {
    const curl = join(folder, "curl");
    writeFileSync(curl, `#!/bin/sh\ncat >>"${folder}/sent"\necho >>"${folder}/sent"\n`, { mode: 0o755 });
    const parts = [
      "core/common",
      "core/process",
      "guest/guest",
      "guest/handover",
      "keepers/console",
      "vm/vm",
      "vm/vmm",
    ];
    const script =
      `${parts.map((part) => `. "$0/${part}.sh"`).join("; ")}; cd "$1"; PATH=$1:$PATH; rm -f sent closed; : >console.log; vmm_timeout_ms=1000; ` +
      `write_pid vmm.pid $$; start_handover "$1" 7 "$2" clear; echo "hornet-identity: waiting closed" >>console.log; ` +
      `until grep -q put sent 2>/dev/null; do pause 0.01; done; [[ -e closed && -e handover ]] || echo early; ` +
      `echo "hornet-identity: taken 7 closed" >>console.log; until [[ ! -e handover ]]; do pause 0.01; done; cat sent`;
    const put = `put ${"x".repeat(size)}\n`;
    const sent = execFileSync("bash", ["-c", script, join(__dirname, ".."), folder, put], { encoding: "utf8" });
    expect(sent.split("\n").filter(Boolean)).toEqual([put.trim(), "clear"]);
  },
);
