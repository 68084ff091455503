/**
 * Login shells and ssh servers as rented servers have them, on a simulated droplet with a real sshd: each works, or is refused
 * within the limit, with what the droplet printed.
 */
import { existsSync } from "node:fs";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { scratchDroplet, type ScratchDroplet } from "../../test/support/scratchDroplet";
import type { SshConnection } from "../../model/connection";
import { enterArguments } from "../../sandbox/droplet/enter";
import { readRecord } from "../../sandbox/droplet/state";
import { ConnectionError } from "../errors";
import { start } from "../exec";
import { Session } from "./session";

jest.setTimeout(120_000);

/** Seconds in which a droplet that does not answer is given up. */
const PATIENCE = 2;

let droplet: ScratchDroplet;
const servers: Server[] = [];
const ends: (() => void)[] = [];

beforeAll(async () => (droplet = await scratchDroplet()));
afterAll(() => droplet.end());
afterEach(async () => {
  for (const end of ends.splice(0)) end();
  for (const server of servers.splice(0)) await new Promise((closed) => server.close(closed));
});

/** What a session with the droplet does: its lanes, its lock and a stream work, or the message of its error. */
async function outcome(changes: Partial<SshConnection> = {}): Promise<string> {
  const session = new Session({ ...droplet.connection, timeout: 30, ...changes });
  try {
    const calls = Array.from({ length: 6 }, () => session.perform({ what: "test", run: "sleep 0.05; printf fine" }));
    const answers = await Promise.all(calls);
    await session.hold();
    return [...new Set(answers)].join();
  } catch (error) {
    expect(error).toBeInstanceOf(ConnectionError);
    return (error as Error).message;
  } finally {
    await session.close();
  }
}

/** Runs work with lines before the droplet's sshd_config: the first of two values counts. */
async function withSshd(lines: string, work: () => Promise<void>): Promise<void> {
  await droplet.run(`cp /etc/ssh/sshd_config /opt/kept; { echo '${lines}'; cat /opt/kept; } >/etc/ssh/sshd_config`);
  try {
    await work();
  } finally {
    await droplet.run("mv /opt/kept /etc/ssh/sshd_config");
  }
}

const shells: readonly (readonly [what: string, shell: string, startup: string, outcome: RegExp])[] = [
  ["bash that greets on both streams", "/bin/bash", "echo welcome; echo to me >&2", /^fine$/],
  ["bash that greets with pages", "/bin/bash", "seq 20000; seq 20000 >&2", /^fine$/],
  ["bash with a hardened time limit", "/bin/bash", "TMOUT=1; readonly TMOUT; export TMOUT", /^fine$/],
  [
    "bash that exports functions, options and a proxy",
    "/bin/bash",
    "ip() { echo no; }; export -f ip; export BASH_ENV=/nowhere POSIXLY_CORRECT=1 SHELLOPTS http_proxy=http://127.0.0.1:9",
    /^fine$/,
  ],
  ["a restricted bash", "/bin/rbash", "", /^fine$/],
  ["dash", "/bin/dash", "", /^fine$/],
  ["fish", "/usr/bin/fish", "", /^fine$/],
  ["zsh", "/bin/zsh", "", /^fine$/],
  ["tcsh", "/bin/tcsh", "", /^fine$/],
  [
    "bash that waits",
    "/bin/bash",
    "echo 'Waiting for the key server'; sleep 1000",
    /no shell answered within 2 s[^]*\| Waiting for the key server[^]*start-up files/,
  ],
  [
    "bash that greets without end",
    "/bin/bash",
    "while :; do echo much to say; done",
    /no shell answered within 2 s[^]*\| much to say/,
  ],
  [
    "bash that asks",
    "/bin/bash",
    "printf 'Accept the terms? '; read -r; printf '\\033[31mnot accepted\\n'; exit 1",
    /the shell ended[^]*\| Accept the terms\? \\x1b\[31mnot accepted/,
  ],
  [
    "bash whose start-up ends it",
    "/bin/bash",
    "echo 'maintenance until 4' >&2; exit 3",
    /printed: maintenance until 4/,
  ],
  ["nologin", "/usr/sbin/nologin", "", /\| This account is currently not available[^]*hornet:droplet\.user/],
  ["git-shell", "/usr/bin/git-shell", "", /printed: fatal: unrecognized command[^]*hornet:droplet\.user/],
  ["no shell at all", "/bin/nowhere", "", /the shell ended/],
];

test.each(shells.filter(([, shell, , outcome]) => existsSync(shell) || String(outcome) !== "/^fine$/"))(
  "a login shell: %s",
  async (_what, shell, startup, expected) => {
    await droplet.run(`sed -i 's|^\\(root:.*:\\)[^:]*$|\\1${shell}|' /etc/passwd; cat >/root/.bashrc <<'END'
${startup}
END`);
    try {
      expect(await outcome(String(expected) === "/^fine$/" ? {} : { timeout: PATIENCE })).toMatch(expected);
    } finally {
      await droplet.run("rm -f /root/.bashrc; sed -i 's|^\\(root:.*:\\)[^:]*$|\\1/bin/bash|' /etc/passwd");
    }
  },
);

test.each<[what: string, lines: string, outcome: RegExp]>([
  ["one session per connection", "MaxSessions 1", /^fine$/],
  ["two sessions per connection", "MaxSessions 2", /^fine$/],
  ["a short time to log in", "LoginGraceTime 3", /^fine$/],
  ["idle clients dropped", "ClientAliveInterval 1\nClientAliveCountMax 1", /^fine$/],
  ["a banner before the login", "Banner /etc/services", /^fine$/],
  ["a motd", "PrintMotd yes\nPrintLastLog yes", /^fine$/],
  ["no forwarding at all", "DisableForwarding yes", /^fine$/],
  ["no terminals", "PermitTTY no", /^fine$/],
  [
    "a forced command that greets",
    'ForceCommand echo "Please login as the user \\"admin\\" rather than root."; exit 142',
    /\| Please login as the user "admin" rather than root\.[^]*hornet:droplet\.user/,
  ],
  ["a forced command that reads", "ForceCommand cat >/dev/null", /no shell answered within 2 s/],
  ["sftp alone", "ForceCommand internal-sftp", /(no shell answered|the shell ended)/],
  ["nobody let in", "AllowUsers deploy", /Permission denied[^]*hornet:droplet\.user/],
  [
    "too few tries for a login",
    "MaxAuthTries 1\nPubkeyAuthentication no",
    /(Permission denied|authentication failures)/,
  ],
])("sshd with %s", async (_what, lines, expected) => {
  await withSshd(lines, async () => {
    expect(await outcome(String(expected) === "/^fine$/" ? {} : { timeout: PATIENCE })).toMatch(expected);
  });
});

/** A port of this machine that each connection takes to `serve`. */
function listen(serve: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on("error", () => undefined));
    serve(socket);
  });
  servers.push(server);
  ends.push(() => sockets.forEach((socket) => socket.destroy()));
  return new Promise((done) => server.listen(0, "127.0.0.1", () => done((server.address() as AddressInfo).port)));
}

/** Starts an sshd of the droplet that listens, as a server's does: MaxStartups counts only there. */
async function listeningSshd(options: string): Promise<number> {
  await droplet.run(`/usr/sbin/sshd -o ListenAddress=127.0.0.1 -o Port=2222 -o PidFile=/run/other.pid ${options}
    for i in {1..100}; do [[ -s /run/other.pid ]] && break; sleep 0.05; done`);
  const init = (await readRecord("scratch"))?.processes?.init;
  if (init === undefined) throw new Error("the droplet does not run");
  return listen((socket) => {
    const into = ["nsenter", ...enterArguments(init), "busybox", "nc", "127.0.0.1", "2222"] as const;
    const child = start(into);
    child.stdin.on("error", () => undefined);
    socket.pipe(child.stdin);
    child.stdout.pipe(socket);
    socket.on("close", () => child.kill());
    child.on("close", () => socket.destroy());
  });
}

/** Opens a connection that never logs in, so that it counts against MaxStartups until it is closed. */
function idle(port: number): Promise<Socket> {
  return new Promise((opened) => {
    const socket = connect(port, "127.0.0.1").on("error", () => undefined);
    socket.once("data", () => opened(socket));
    socket.on("close", () => opened(socket));
  });
}

test("an sshd that turns connections away is tried again, and works once it takes one", async () => {
  const port = await listeningSshd("-o MaxStartups=1");
  try {
    const holder = await idle(port);
    // The first try is turned away for certain: the place is taken until the session has seen that.
    const session = new Session({ ...droplet.connection, port, hostKey: droplet.connection.hostKey, timeout: 30 });
    let turned = 0;
    servers[0]?.on("connection", () => {
      turned += 1;
      if (turned === 2) holder.destroy();
    });
    try {
      expect(await session.perform({ what: "test", run: "printf fine" })).toBe("fine");
      expect(turned).toBeGreaterThan(1);
    } finally {
      await session.close();
      holder.destroy();
    }
  } finally {
    await droplet.run("kill $(</run/other.pid); while [[ -e /run/other.pid ]]; do sleep 0.05; done");
  }
});

test.each<[what: string, serve: (socket: Socket) => void, words: RegExp]>([
  [
    "closes every connection, as with PerSourcePenalties",
    (socket) => socket.end("Not allowed at this time\r\n"),
    /kex_exchange_identification[^]*PerSourcePenalties/,
  ],
  ["says nothing", () => undefined, /banner exchange[^]*sshd, or whatever listens there/],
  ["sends lines without end", endless, /cannot use [^]*(banner|identification)[^]*look at its log/],
  ["sends half a banner", (socket) => socket.write("SSH-2.0-half"), /banner exchange/],
  ["is no sshd", (socket) => socket.end("220 mail.example.org ESMTP\r\n"), /kex_exchange_identification/],
])("a server that %s is given up within the limit", async (_what, serve, words) => {
  const port = await listen(serve);
  expect(await outcome({ port, timeout: PATIENCE })).toMatch(words);
});

function endless(socket: Socket): void {
  const more = (): void => {
    while (!socket.destroyed && socket.write(`${"x".repeat(100)}\n`));
  };
  socket.on("drain", more);
  more();
}
