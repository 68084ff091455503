import { spawn, type ChildProcess, type ChildProcessByStdio } from "node:child_process";
import { join } from "node:path";
import type { Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { scratchDroplet, type ScratchDroplet } from "../../test/support/scratchDroplet";
import { gatherFacts } from "../facts";
import { lockHolder } from "./lock";
import { readLibrary } from "./library";
import { Session } from "./session";
import { shellCommand } from "./shellCommand";
import { newOperation, sessions } from "../../test/support/scratchProvider";

jest.setTimeout(120_000);

let droplet: ScratchDroplet;
const open: Session[] = [];
const children: ChildProcess[] = [];
/** What was said to the user. */
let said: string[] = [];

beforeAll(async () => {
  droplet = await scratchDroplet();
});
afterAll(() => droplet.end());
beforeEach(() => {
  said = [];
  jest.spyOn(console, "error").mockImplementation((text: unknown) => void said.push(String(text)));
});
afterEach(async () => {
  jest.restoreAllMocks();
  for (const child of children.splice(0)) child.kill("SIGKILL");
  for (const session of open.splice(0)) await session.close();
  await sessions.close();
  await droplet.run("rm -f /tmp/order");
  await until(async () => (await holder()) === "");
});

/** One operator; another one is another process, which a session of its own stands for. */
function operator(settings: { lockTimeout?: number; lanes?: number } = {}): Session {
  const session = new Session({ ...droplet.connection, ...settings });
  open.push(session);
  return session;
}

/** A piece of shell that needs the lock, as whatever is not known to change nothing does. */
const work = (run: string): { what: string; run: string } => ({ what: "work", run });
const holder = (): Promise<string> => operator().call({ what: "ask", run: "lock_holder" });
const order = (): Promise<string> => droplet.run("cat /tmp/order");

async function until(done: () => Promise<boolean>): Promise<void> {
  while (!(await done())) await sleep(20);
}

/** A process that works on the droplet under its lock; resolves once it does. */
async function anotherProcess(run: string): Promise<ChildProcess> {
  const script = join(__dirname, "../../test/support/scratchOperator.ts");
  const register = join(__dirname, "../../register.cjs");
  const child = spawn(process.execPath, ["-r", register, script, JSON.stringify(droplet.connection), run]);
  children.push(child);
  await until(async () => (await holder()) !== "");
  return child;
}

test("an operation has the droplet alone; the next one names the holder while it waits, and then continues", async () => {
  const [one, two] = [operator(), operator()];
  await one.perform(work("echo one >>/tmp/order"));
  expect(await holder()).toMatch(new RegExp(`^${lockHolder()} \\(pid \\d+ on the droplet, for \\d+ s\\)$`));
  const second = two.perform(work("echo two >>/tmp/order"));
  await until(() => Promise.resolve(said.length > 0));
  expect(said).toEqual([expect.stringMatching(`^waiting for ${one.name}: it is locked by ${lockHolder()}`)]);
  await one.perform(work("echo still one >>/tmp/order"));
  expect(await order()).toBe("one\nstill one\n");
  await one.close();
  await second;
  expect(await order()).toBe("one\nstill one\ntwo\n");
});

test("another provider process of the same engine is not waited for, because it holds the lock as long as the operation lasts", async () => {
  const provider = (address: string): unknown =>
    jest.replaceProperty(process, "argv", ["node", "/modules/dynamic-provider/index.js", address]);
  provider("127.0.0.1:4711");
  await operator().perform(work("true"));
  const refused = "two provider processes of this operation would change ";
  await expect(operator().perform(work("true"))).rejects.toThrow(refused);
  const vars = { owner: "hornet:p/lock:0123456789ab", runtime_dir: "/opt/swarm/runtime", vmm_timeout_ms: "1000" };
  await expect(gatherFacts(operator(), vars)).rejects.toThrow(refused);
  expect(said).toEqual([]);
  // One of another engine is.
  provider("127.0.0.1:4712");
  await expect(operator({ lockTimeout: 1 }).perform(work("true"))).rejects.toThrow(
    /is locked by .* process \d+ of the engine/,
  );
});

test("the error after the longest wait names the holder and the ways out", async () => {
  await operator().perform(work("true"));
  await expect(operator({ lockTimeout: 1 }).perform(work("true"))).rejects.toThrow(
    /is locked by .* process \d+ \(pid \d+ on the droplet.*\)\n {2}next: wait until that operation ends, or end the process of that pid/,
  );
});

test("the lock of a killed process is taken over at once, after the end of its commands", async () => {
  const child = await anotherProcess("echo begun >>/tmp/order; sleep 30; echo too late >>/tmp/order");
  await until(async () => (await droplet.run("cat /tmp/order 2>/dev/null || :")) !== "");
  child.kill("SIGKILL");
  await operator({ lockTimeout: 20 }).perform(work("pgrep -fx 'sleep 30' >>/tmp/order; echo next >>/tmp/order"));
  expect(await order()).toBe("begun\nnext\n");
});

test("a silent holder loses the lock, after the end of its commands", async () => {
  const shell = (serve: readonly string[]): ChildProcessByStdio<Writable, null, null> => {
    const start = { connection: droplet.connection, folder: droplet.folder, first: false, session: "asleep", serve };
    const [file, ...args] = shellCommand(start);
    const child = spawn(file, args, { stdio: ["pipe", "ignore", "ignore"] });
    child.stdin.write(`${Buffer.byteLength(readLibrary())}\n${readLibrary()}`);
    children.push(child);
    return child;
  };
  // Like an operator's machine that sleeps: connections stay, nothing is said any more.
  const lane = shell(["serve_lane"]);
  const run = "echo begun >>/tmp/order; sleep 30; echo too late >>/tmp/order";
  lane.stdin.write(`${"0".repeat(32)} ${run.length}\n${run}`);
  await until(async () => (await droplet.run("cat /tmp/order 2>/dev/null || :")) !== "");
  // Connected before: the sleeper's lock lasts 2 s.
  const next = operator({ lockTimeout: 30 });
  await next.call({ what: "connect", run: "lock_holder" });
  shell(["hold_lock", "5", "a sleeper", "2"]).stdin.write(`${"0".repeat(32)}\n`);
  await until(async () => (await holder()).startsWith("a sleeper"));
  await next.perform(work("pgrep -fx 'sleep 30' >>/tmp/order; echo next >>/tmp/order"));
  expect(said).toEqual([expect.stringContaining("it is locked by a sleeper (pid")]);
  expect(await order()).toBe("begun\nnext\n");
});

test("a lost lock is taken again once for all calls that need it", async () => {
  const one = operator({ lockTimeout: 5 });
  await one.perform(work("true"));
  await droplet.run("kill -9 $(pgrep -f 'hornet-lane [0-9a-f]+ hold_lock')");
  await until(async () => !(await one.holdsLock()));
  await Promise.all(["1", "2", "3"].map((name) => one.perform(work(`echo ${name} >>/tmp/order`))));
  expect((await order()).split("\n").sort()).toEqual(["", "1", "2", "3"]);
  expect(said).toEqual([]);
});

test("two connections of one operation to one droplet do not wait for each other", async () => {
  const ways = [droplet.connection, { ...droplet.connection, lanes: 2 }, { ...droplet.connection, timeout: 50 }];
  for (const [at, way] of ways.entries()) await sessions.of(way).perform(work(`echo ${at} >>/tmp/order`));
  expect(await order()).toBe("0\n1\n2\n");
  expect(said).toEqual([]);
});

const vars = { owner: "hornet:p/s:0", runtime_dir: "/opt/swarm/runtime", vmm_timeout_ms: "5000" };

test("the droplet is read while no other operation changes it, or at once on request", async () => {
  const one = operator();
  await one.perform(work("true"));
  const two = operator();
  expect((await gatherFacts(two, vars, { ignoreLock: true })).forwarding).toBe(false);
  const reading = gatherFacts(two, vars);
  await until(() => Promise.resolve(said.length > 0));
  expect(said).toEqual([expect.stringContaining("it is locked by")]);
  await one.perform(work("echo 1 >/proc/sys/net/ipv4/ip_forward"));
  // Who has the lock waits for nobody.
  expect((await gatherFacts(one, vars)).forwarding).toBe(true);
  await one.close();
  expect((await reading).forwarding).toBe(true);
  await droplet.run("echo 0 >/proc/sys/net/ipv4/ip_forward");
  await one.perform(work("true"));
  await expect(gatherFacts(operator({ lockTimeout: 1 }), vars)).rejects.toThrow("is locked by");
});

test("facts from before the lock are used only if no other operation has had the lock since", async () => {
  const common = { droplet: droplet.connection, owner: vars.owner, runtimeDir: vars.runtime_dir, vmmTimeout: 5 };
  const viewed = newOperation().droplet(droplet.connection);
  const first = await viewed.observe(common, "x");
  expect(await viewed.observeToChange(common, "x")).toBe(first);
  await sessions.close();

  const second = await viewed.observeToChange(common, "y");
  await sessions.close();
  const stranger = operator();
  await stranger.perform(work("echo 1 >/proc/sys/net/ipv4/ip_forward"));
  await stranger.close();
  const third = await viewed.observeToChange(common, "y");
  expect([second.forwarding, third.forwarding]).toEqual([false, true]);
  // Its own changes do not make it read again.
  await sessions.of(common.droplet).perform(work("echo 0 >/proc/sys/net/ipv4/ip_forward"));
  expect(await viewed.observeToChange(common, "y")).toBe(third);
});

test("two names of one droplet share a lock: neither waits for the other", async () => {
  const one = sessions.of({ ...droplet.connection, lockTimeout: 2 });
  const other = sessions.of({ ...droplet.connection, host: "localhost", lockTimeout: 2 });
  try {
    await one.perform(work("true"));
    // By whichever of them it is reached first.
    expect((await gatherFacts(other, vars)).forwarding).toBe(false);
    expect(await other.holdsLock()).toBe(true);
    await other.perform(work("true"));
    expect(said).toEqual([]);
  } finally {
    await sessions.close();
  }
});
