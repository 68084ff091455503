import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

jest.setTimeout(60_000);

const checkout = join(__dirname, "../..");
const listener = `require("node:net").createServer().listen(0, "127.0.0.1", function () { console.log(this.address().port) })`;
/** What Pulumi starts, as far as a provider can tell: it loads a resource and is asked to make a connection. */
const provider = `
  require(${JSON.stringify(join(checkout, "register.cjs"))});
  const { Operation } = require(${JSON.stringify(join(checkout, "providers/operation/operation.ts"))});
  new Operation();
  const { Session } = require(${JSON.stringify(join(checkout, "host/session/session.ts"))});
  if (process.env.PORT === undefined) setInterval(() => {}, 1000);
  else {
    new Session({ host: "127.0.0.1", port: Number(process.env.PORT), user: "root", timeout: 600 })
      .call({ what: "test", run: "true" }).catch((error) => console.error(error));
  }
  console.log("ready");`;

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

function start(argv: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
  const child = spawn(process.execPath, argv, {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ...env },
  });
  children.push(child);
  return child;
}

test.each(["while a connection hangs", "before it has a session"])(
  "a provider ends when its engine is killed, %s",
  async (when) => {
    const folder = mkdtempSync(join(tmpdir(), "hornet-engine-"));
    const script = join(folder, "dynamic-provider/index.cjs");
    // It takes connections, and never says a word.
    const silent = createServer();
    const reached = once(silent, "connection");
    try {
      mkdirSync(join(folder, "dynamic-provider"));
      writeFileSync(script, provider);
      await once(silent.listen(0, "127.0.0.1"), "listening");
      const engine = start(["-e", listener]);
      const [port] = (await once(engine.stdout as NodeJS.ReadableStream, "data")) as [Buffer];
      const hangs = when.startsWith("while");
      const env = hangs ? { PORT: String((silent.address() as AddressInfo).port) } : {};
      const child = start([script, `127.0.0.1:${port.toString().trim()}`], env);
      const ended = once(child, "exit");
      await once(child.stdout as NodeJS.ReadableStream, "data");
      const lost = hangs && (await reached).map((socket: NodeJS.EventEmitter) => once(socket, "close"));
      if (hangs) for (const [socket] of [await reached]) (socket as NodeJS.ReadableStream).resume();
      engine.kill("SIGKILL");
      await ended;
      // Its ssh goes with it.
      if (lost !== false) await Promise.all(lost);
    } finally {
      silent.close();
      rmSync(folder, { recursive: true, force: true });
    }
  },
);
