import { execFile, execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { requestLines } from "../../firecracker/api";
import { readLibrary } from "../../host/session/library";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "hornet-handover-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a script with the library, on a clone's folder whose VMM runs and whose guest says nothing. */
function run(script: string, ...args: string[]): string {
  writeFileSync(join(folder, "library"), readLibrary());
  const start = '. "$1/library"; cd "$1"; rm -f closed; : >console.log; vmm_timeout_ms=1000; write_pid vmm.pid $$';
  return execFileSync("bash", ["-c", `${start}; ${script}`, "test", folder, ...args], { encoding: "utf8" });
}

test("the handover is known from its first moment, so that a delete ends it and nothing is written afterwards", () => {
  const script =
    'start_handover "$1" 1 "" clear; read -r pid _ <handover; process_alive "$1/handover" || echo unknown; ' +
    'end_handover "$1"; sleep 0.3; echo "$pid"';
  const pid = Number(run(script));
  expect(pid).toBeGreaterThan(1);
  expect(existsSync(join(folder, "handover"))).toBe(false);
  // Its parent, the call's process, ends a moment after the call and leaves a zombie until then.
  execFileSync("bash", ["-c", `until [[ ! -e /proc/${pid} ]]; do sleep 0.01; done`], { timeout: 10_000 });
});

/** The API of a VMM that takes everything. */
async function listen(): Promise<{ readonly sent: string[]; close(): Promise<void> }> {
  const sent: string[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (piece: string) => (body += piece));
    request.on("end", () => {
      sent.push(body);
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((done) => server.listen(join(folder, "firecracker.sock"), done));
  return {
    sent,
    close: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

// The second one does not fit into one read of a pipe.
test.each([10, 90_000])(
  "a guest that is closed gets an identity of %i bytes, and its metadata is cleared once it is taken",
  async (size) => {
    const vmm = await listen();
    const put = requestLines([{ method: "PUT", path: "/mmds", body: "x".repeat(size) }]);
    const clear = requestLines([{ method: "PUT", path: "/mmds", body: {} }]);
    const script =
      '. "$1/library"; cd "$1"; rm -f closed; : >console.log; vmm_timeout_ms=1000; write_pid vmm.pid $$; ' +
      'start_handover "$1" 7 "$2" "$3"; printf "\\0\\nhornet-identity: waiting clo" >>console.log; pause 0.02; echo sed >>console.log; ' +
      "until [[ -e closed ]]; do pause 0.01; done; [[ -e handover ]] || echo early; " +
      'echo "hornet-identity: taken 7 closed" >>console.log; until [[ ! -e handover ]]; do pause 0.01; done';
    writeFileSync(join(folder, "library"), readLibrary());
    const { stdout } = await promisify(execFile)("bash", ["-c", script, "test", folder, put, clear]);
    await vmm.close();
    expect({ stdout, sent: vmm.sent }).toEqual({ stdout: "", sent: [JSON.stringify("x".repeat(size)), "{}"] });
  },
);
