/** What looks for an identity leaves a slow guest's CPU to others once the guest has one. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

jest.setTimeout(120_000);

const exec = promisify(execFile);
/** How long each answer of the metadata service takes, in ms. */
const DELAY = 100;

let scratch: string;
beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), "hornet-idle-"));
  await exec(join(__dirname, "identity/helper/build.sh"), [join(scratch, "helper")]);
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Gives one document, then none. Prints how long nobody asked after each answer to that, in ms. */
const slowService = `
  const { createServer } = require("node:http");
  let answered, documents = 1;
  createServer((request, response) => {
    if (answered) console.log(Math.round(performance.now() - answered));
    answered = undefined;
    setTimeout(() => {
      const [status, body] = request.method === "PUT" ? [200, "token"] : documents-- > 0
        ? [200, "format=2\\ngeneration=01\\nend\\n"] : [404, "none"];
      response.writeHead(status, { "Content-Length": body.length }).end(body, () => {
        if (request.method === "GET") answered = performance.now();
      });
    }, ${DELAY});
  }).listen(80, "169.254.169.254");
`;

const script = `
  mount -t tmpfs none /run && mkdir /run/hornet
  unshare --net sleep 60 >/dev/null 2>&1 & other=$!
  until [[ ! /proc/$other/ns/net -ef /proc/self/ns/net ]]; do sleep 0.02; done
  ip link add v0 type veth peer name v1 netns "$other"
  ip addr add 192.168.241.2/29 dev v0; ip link set v0 up; ip route add 169.254.169.254 dev v0
  within() { nsenter --net="/proc/$other/ns/net" "$@"; }
  within ip addr add 192.168.241.1/29 dev v1; within ip addr add 169.254.169.254/32 dev v1; within ip link set v1 up
  nsenter --net="/proc/$other/ns/net" node -e "$3" >"$2/asked" &
  until echo >/dev/tcp/169.254.169.254/80; do sleep 0.05; done 2>/dev/null
  rm -f "$2/news" "$2/hold"; mkfifo "$2/news" "$2/hold"; exec 6<>"$2/hold"
  "$1" watch 169.254.169.254 1 none open '' <&6 >"$2/news" 6>&- & exec 5<"$2/news"
  until [[ $line == gone ]]; do read -r line <&5 || exit; done
  before=$(wc -l <"$2/asked")
  until (($(wc -l <"$2/asked") >= before + 2)); do sleep 0.1; done
  tail -n +$((before + 2)) "$2/asked"`;

test.each([
  ["the helper", "helper"],
  ["the shell in its place", "watch.sh"],
])("%s waits many times as long as a poll takes", async (_what, name) => {
  const program = name === "helper" ? join(scratch, name) : join(__dirname, "identity", name);
  const argv = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
  const { stdout } = await exec("unshare", [...argv, "bash", "-c", script, "test", program, scratch, slowService], {
    timeout: 60_000,
    killSignal: "SIGKILL",
  });
  const pauses = stdout.trim().split("\n").map(Number);
  expect(pauses.length).toBeGreaterThanOrEqual(1);
  for (const pause of pauses) expect(pause).toBeGreaterThan(15 * DELAY);
});
