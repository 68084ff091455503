import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "hornet-console-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("the end of a console is the guest's words, not the VMM's lines about serial ports that are not there", () => {
  const noise =
    "2026-11-28T02:02:07.61 [vm0:fc_vcpu 0] vcpu: IO read @ 0x3e9:0x1 failed: bus_error: MissingAddressRange\n";
  writeFileSync(join(folder, "console.log"), `[  216.4] systemd[1]: Freezing execution.\r\n${noise.repeat(500)}`);
  const script = '. "$0/core/common.sh"; . "$0/keepers/console.sh"; console_tail "$1" 600';
  expect(execFileSync("bash", ["-c", script, join(__dirname, ".."), folder], { encoding: "utf8" })).toBe(
    "[  216.4] systemd[1]: Freezing execution.\n",
  );
});
