import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { endMeetings, meeting } from "../../test/support/meeting";
import { commandLines, scratchDroplet, type ScratchDroplet } from "../../test/support/scratchDroplet";
import type { Connection, SshConnection } from "../../model/connection";
import { CommandError, ConnectionError } from "../errors";
import type { AnyCall } from "./call";
import { Session } from "./session";

jest.setTimeout(120_000);

let droplet: ScratchDroplet;
let open: Session[] = [];

/** This file's own place for temporary files: others come and go in the usual one. */
const temporary = mkdtempSync(join(tmpdir(), "hs-"));

/** Folders for control sockets that are there now. */
const folders = (): string[] => readdirSync(temporary);
/** ssh clients of this file's droplet that run now. */
const clients = (): { pid: number; text: string }[] =>
  commandLines().filter(({ text }) => text.startsWith("ssh -T") && text.includes(droplet.folder));

beforeAll(async () => {
  droplet = await scratchDroplet();
  process.env.TMPDIR = temporary;
});
afterAll(async () => {
  await endMeetings((script) => droplet.run(script));
  delete process.env.TMPDIR;
  await droplet.end();
  rmSync(temporary, { recursive: true });
});
afterEach(async () => {
  for (const session of open) await session.close();
  open = [];
  expect(folders()).toEqual([]);
  expect(clients()).toEqual([]);
});

function sessionWith(connection: Connection, width?: number): Session {
  const session = new Session(width === undefined ? connection : { ...connection, lanes: width });
  open.push(session);
  return session;
}

const overSsh = (changes: Partial<SshConnection> = {}): SshConnection => ({ ...droplet.connection, ...changes });

/** What sudo lets the user deploy do. */
const sudoers = (rules: string): Promise<string> =>
  droplet.run(
    `mkdir -p /etc/sudoers.d; umask 337; rm -f /etc/sudoers.d/deploy; printf '${rules}\\n' >/etc/sudoers.d/deploy`,
  );

/** A call of a piece of shell, for what no library function does. */
const code = (run: string, rest: Partial<AnyCall> = {}): AnyCall => ({ what: "test", run, ...rest });

async function errorOf(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => {
      throw new Error("it succeeded");
    },
    (error: unknown) => error as Error,
  );
}

const hostile = [
  "",
  " ",
  "it's",
  `"quoted" 'single' \\ \\\\ \\n`,
  "$(touch /tmp/hacked) `touch /tmp/hacked` ${HOME} $HOME",
  "one\ntwo\n\n",
  "\n",
  "tab\tand\rreturn",
  "größe 日本語 🐝",
  "-n",
  "*",
  "a; exit 3",
  "\u001e1 0",
];

describe.each<[string, () => Connection]>([
  ["local", () => ({ local: true })],
  ["ssh", () => overSsh()],
  ["ssh to a login shell that greets", () => overSsh()],
  ["ssh to a user who is root by sudo", () => overSsh({ user: "deploy" })],
])("%s", (kind, connection) => {
  const session = (width?: number): Session => sessionWith(connection(), width);

  // Debian's bash reads it for every command over ssh.
  const greeting = "printf 'welcome\\n to a \\036 of '; echo 'nothing on this' >&2";
  beforeAll(async () => {
    if (kind.endsWith("greets")) await droplet.run(`cat >/root/.bashrc <<'END'\n${greeting}\nEND`);
  });
  beforeAll(async () => {
    if (!kind.endsWith("sudo")) return;
    await droplet.run(`echo deploy:x:1500:1500::/opt/deploy:/bin/sh >>/etc/passwd; echo deploy:x:1500: >>/etc/group
      echo 'deploy:*:19000:0:99999:7:::' >>/etc/shadow
      mkdir /opt/deploy; cp -r /root/.ssh /opt/deploy; chown -R 1500:1500 /opt/deploy`);
    await sudoers("Defaults use_pty,lecture=always\\ndeploy ALL=(ALL) NOPASSWD: ALL");
  });
  afterAll(async () => {
    await droplet.run("rm -f /root/.bashrc");
  });

  test("its lanes are on one machine, each with its own pid", async () => {
    const one = session(2);
    const both = meeting(2);
    const pids = await Promise.all([1, 2].map(() => one.perform(code(`${both}; printf "%s" "$$"`))));
    expect(new Set(pids).size).toBe(2);
    expect(one.machine).toMatch(/^[0-9a-f-]{36} \d+$/);
  });

  test("stdout, stderr and the exit code are separate", async () => {
    const one = session();
    expect(await one.perform(code("printf out; printf err >&2"))).toBe("out");
    const error = await errorOf(one.perform(code("printf out; printf 'went wrong' >&2; exit 7", { hint: "do this" })));
    if (!(error instanceof CommandError)) throw error;
    expect(error.failure).toMatchObject({ code: 7, stderr: "went wrong", what: "test" });
    expect(error.message).toContain("exit code: 7");
    expect(error.message).toContain("went wrong");
    expect(error.message).toContain("next: do this");
    expect(error.message).toContain(one.name);
    expect(await one.perform(code("printf still"))).toBe("still");
  });

  test("no call sees variables or files of another", async () => {
    const one = session(1);
    await one.perform(
      code('left=1; cd /; exec 5<>/dev/null; set +u; eval "pwd() { echo other; }"', { vars: { given: "x" } }),
    );
    expect(await one.perform(code('printf %s "${left-none} ${given-none}"'))).toBe("none none");
    expect(await one.perform(code("cat"))).toBe("");
  });

  test("values arrive byte for byte, and none runs as code", async () => {
    const one = session(1);
    for (const value of hostile) {
      expect(await one.perform(code('printf "%s" "$value"', { vars: { value } }))).toBe(value);
      expect(await one.perform(code("cat", { stdin: value }))).toBe(value);
    }
    expect(await one.perform(code("ls /tmp"))).not.toContain("hacked");
    await expect(one.perform(code("cat", { stdin: "a\0b" }))).rejects.toThrow("NUL");
    // Whoever does not read it is not to fail for it: it fills no pipe.
    await one.perform(code("true", { stdin: "x".repeat(1 << 20) }));
    await expect(one.perform(code("true", { vars: { "a b": "x" } }))).rejects.toThrow("not a variable's name");
    expect(await one.perform(code("printf ok"))).toBe("ok");
  });

  test("a megabyte in, a megabyte out", async () => {
    const one = session(1);
    const value = "0123456789abcde\n".repeat(65_536);
    expect(await one.perform(code('printf "%s" "$value"', { vars: { value } }))).toBe(value);
    expect(await one.perform(code("wc -c", { stdin: value }))).toBe(`${value.length}\n`);
    expect(await one.perform(code("cat >&2; printf done", { stdin: value }))).toBe("done");
  });

  test("neither code nor data is in an argument list", async () => {
    const one = session(1);
    const word = ["sec", "ret", "42"].join("-");
    const running = one.perform(
      code("cat >/dev/null; sleep 0.5; printf %s done", { stdin: word, vars: { value: word } }),
    );
    const seen: string[] = [];
    while (seen.length < 20) {
      seen.push(
        ...commandLines()
          .map(({ text }) => text)
          .filter((text) => text.includes(word)),
      );
      seen.push("");
      await new Promise((done) => setTimeout(done, 20));
    }
    expect(await running).toBe("done");
    expect(seen.filter((text) => text !== "")).toEqual([]);
  });

  test("25 calls at once each get their answer, over no more shells than lanes", async () => {
    const one = session(4);
    const numbers = Array.from({ length: 25 }, (_unused, at) => String(at));
    const four = meeting(4);
    const answers = await Promise.all(
      numbers.map((number) => one.perform(code(`${four}; printf "%s %s" "$number" "$$"`, { vars: { number } }))),
    );
    expect(answers.map((answer) => answer.split(" ")[0])).toEqual(numbers);
    expect(new Set(answers.map((answer) => answer.split(" ")[1])).size).toBe(4);
  });

  test("a failing call harms no other", async () => {
    const one = session(3);
    const results = await Promise.allSettled(
      Array.from({ length: 12 }, (_unused, at) => one.perform(code(at % 3 === 0 ? "exit 1" : "printf fine"))),
    );
    expect(results.map(({ status }) => status)).toEqual(
      results.map((_result, at) => (at % 3 === 0 ? "rejected" : "fulfilled")),
    );
  });

  test("a call that reaches its time limit ends with its children, and its lane continues", async () => {
    const one = session(1);
    const lane = await one.perform(code('printf "%s" "$$"'));
    const script = '(sleep 4711 & sleep 4712) & bash -c "trap : TERM; sleep 4713; sleep 4714"';
    const error = await errorOf(one.perform(code(script, { timeoutMs: 300 })));
    expect(error).toBeInstanceOf(CommandError);
    expect(error.message).toContain("reached its limit of 0.3 s");
    expect(commandLines().filter(({ text }) => /^sleep 471[1-4] /.test(text))).toEqual([]);
    expect(await one.perform(code('printf "%s" "$$"'))).toBe(lane);
  });

  test("repeated time limits on all lanes at once add no shells", async () => {
    const one = session(3);
    for (let round = 0; round < 3; round += 1) {
      const results = await Promise.allSettled(
        [1, 2, 3].map(() => one.perform(code("sleep 4720", { timeoutMs: 100 }))),
      );
      expect(results.every(({ status }) => status === "rejected")).toBe(true);
    }
    const three = meeting(3);
    const answers = await Promise.all(Array.from({ length: 9 }, () => one.perform(code(`${three}; printf "%s" "$$"`))));
    expect(new Set(answers).size).toBe(3);
    // One more holds the droplet's lock.
    if (kind === "ssh") expect(clients()).toHaveLength(4);
  });

  test("a shell that dies is a lost connection, whose error names the running call; the next call gets a new shell", async () => {
    const one = session(1);
    const lane = await one.perform(code('printf "%s" "$$"'));
    const error = await errorOf(one.perform(code("kill -9 $$", { what: "make something" })));
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error.message).toContain(`the connection to ${one.name} was lost (make something)`);
    expect(await one.perform(code('printf "%s" "$$"'))).not.toBe(lane);
  });

  test("a closed session can be used again", async () => {
    const one = session();
    await one.perform(code("true"));
    await one.close();
    expect(await one.perform(code("printf again"))).toBe("again");
  });
});

describe("ssh", () => {
  test("a killed ssh is a lost connection for all running and waiting calls, and the next call reconnects", async () => {
    const one = sessionWith(overSsh(), 2);
    const both = meeting(2);
    await Promise.all([1, 2].map(() => one.perform(code(both))));
    const calls = Array.from({ length: 5 }, (_unused, at) => one.perform(code("sleep 30", { what: `do ${at}` })));
    const outcome = Promise.allSettled(calls);
    await new Promise((done) => setTimeout(done, 200));
    for (const { pid } of clients()) process.kill(pid, "SIGKILL");
    const results = await outcome;
    const errors = results.map((result) => (result.status === "rejected" ? (result.reason as Error) : undefined));
    expect(errors.every((error) => error instanceof ConnectionError)).toBe(true);
    expect(errors.slice(0, 2).map((error) => error?.message)).toEqual([
      expect.stringContaining("was lost (do 0)"),
      expect.stringContaining("was lost (do 1)"),
    ]);
    expect(await one.perform(code("printf back"))).toBe("back");
  });

  test("one connection carries all lanes", async () => {
    const one = sessionWith(overSsh(), 4);
    const four = meeting(4);
    await Promise.all(Array.from({ length: 8 }, () => one.perform(code(four))));
    // One more holds the droplet's lock.
    expect(clients()).toHaveLength(5);
    const peers = await droplet.run("ps -eo args= | grep -c '^sshd: root@notty' || true");
    expect(peers.trim()).toBe("1");
  });

  test("a droplet with a lower limit of sessions per connection still works", async () => {
    // Each connection starts its own sshd, so a change of its configuration holds from the next one on.
    await droplet.run("printf 'MaxSessions 2\\n' >>/etc/ssh/sshd_config");
    try {
      const one = sessionWith(overSsh(), 4);
      const answers = await Promise.all(Array.from({ length: 12 }, () => one.perform(code("sleep 0.02; printf fine"))));
      expect(answers).toEqual(Array.from({ length: 12 }, () => "fine"));
    } finally {
      await droplet.run("sed -i '/^MaxSessions 2$/d' /etc/ssh/sshd_config");
    }
  });

  test("an unknown and a changed host key are refused with the next step", async () => {
    const other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIL0o4ZyDAQ2xFqyPjP0tgEJcsb9x7x0yQPCLdGL7Jb1E";
    const changed = await errorOf(sessionWith(overSsh({ hostKey: other })).perform(code("true")));
    const unknown = await errorOf(sessionWith(overSsh({ hostKey: undefined })).perform(code("true")));
    for (const error of [changed, unknown]) {
      expect(error).toBeInstanceOf(ConnectionError);
      expect(error.message).toContain(`cannot use root@127.0.0.1:${droplet.connection.port}`);
      expect(error.message).toContain("the droplet's host key is not the expected one");
      expect(error.message).toContain("hornet:droplet.hostKey");
    }
  });

  test.each([
    ["wants a password", "deploy ALL=(ALL) ALL"],
    ["wants a terminal", "Defaults requiretty\\ndeploy ALL=(ALL) NOPASSWD: ALL"],
    ["lets the user do something else only", "deploy ALL=(ALL) NOPASSWD: /usr/bin/apt"],
  ])("the error for a sudo that %s names the setting", async (_what, rules) => {
    await sudoers(rules);
    const { message } = await errorOf(sessionWith(overSsh({ user: "deploy" })).perform(code("true")));
    expect(message).toContain("sudo: ");
    expect(message).toContain("/etc/sudoers.d: `USER ALL=(ALL) NOPASSWD: ALL`");
  });

  test("the error for a wrong key file names the config key", async () => {
    const missing = join(droplet.folder, "nowhere");
    const garbage = join(droplet.folder, "garbage");
    writeFileSync(garbage, "no key", { mode: 0o600 });
    for (const privateKeyPath of [missing, garbage]) {
      const error = await errorOf(sessionWith(overSsh({ privateKeyPath })).perform(code("true")));
      expect(error).toBeInstanceOf(ConnectionError);
      expect(error.message).toMatch(/Permission denied/);
      expect(error.message).toContain("hornet:droplet.privateKeyPath");
    }
  });

  test("without a listener all 25 waiting calls get one error, with what to check", async () => {
    const one = sessionWith(overSsh({ port: 9 }));
    const results = await Promise.allSettled(Array.from({ length: 25 }, () => one.perform(code("true"))));
    const messages = results.map((result) => (result.status === "rejected" ? (result.reason as Error).message : "ok"));
    expect(new Set(messages).size).toBe(1);
    expect(messages[0]).toContain("check hornet:droplet.host and port");
  });
});
