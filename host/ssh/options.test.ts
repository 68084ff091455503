import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { connectionSchema, describeConnection, isLocal, type SshConnection } from "../../model/connection";
import { connectionHint, expandHome, knownHostsLine, sshOptions, sshOutput } from "./options";

const hostKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIL0o4ZyDAQ2xFqyPjP0tgEJcsb9x7x0yQPCLdGL7Jb1E";
const connection: SshConnection = { host: "203.0.113.10", user: "root", port: 22, privateKeyPath: undefined, hostKey };

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "hornet ssh-"))));
afterEach(() => rmSync(folder, { recursive: true }));

/** What ssh itself makes of our options beside a configuration of the operator's. */
function resolved(changes: Partial<SshConnection> = {}, config = ""): Map<string, string> {
  const file = join(folder, "operator's");
  writeFileSync(file, config);
  const options = sshOptions({ ...connection, ...changes }, folder, [file]);
  const text = execFileSync("ssh", ["-G", ...options, connection.host], { encoding: "utf8" });
  return new Map(text.split("\n").map((line) => [line.split(" ")[0] ?? "", line.slice(line.indexOf(" ") + 1)]));
}

test("ssh asks nothing, and checks host keys against the pinned one alone", () => {
  const options = resolved();
  expect(Object.fromEntries(options)).toMatchObject({
    batchmode: "yes",
    stricthostkeychecking: "true",
    userknownhostsfile: join(folder, "known_hosts"),
    globalknownhostsfile: "/dev/null",
    user: "root",
    port: "22",
  });
  const file = join(folder, "known_hosts");
  expect(readFileSync(file, "utf8")).toBe(`203.0.113.10 ${hostKey}\n`);
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test("blanks, quotes, percent signs and letters of all languages in a path are no tokens to ssh", () => {
  const odd = join(folder, "100% it's %h ü");
  mkdirSync(odd);
  const key = join(odd, "key %d");
  writeFileSync(key, "");
  const argv = [...sshOptions({ ...connection, port: 1, privateKeyPath: key }, odd, []), "127.0.0.1", "true"];
  const { stderr } = spawnSync("ssh", argv, { encoding: "utf8" });
  expect(stderr).toMatch(/connect to host 127\.0\.0\.1 port 1: Connection refused/);
  expect(stderr).not.toMatch(/expand|token|unknown/);
});

test("without a pinned key ssh checks against the operator's known_hosts, as strictly", () => {
  const options = resolved({ hostKey: undefined });
  expect(options.get("stricthostkeychecking")).toBe("true");
  expect(options.get("userknownhostsfile")).toContain(".ssh/known_hosts");
  expect(readdirSync(folder)).toEqual(["config", "operator's"]);
});

test("options of the operator's configuration for all hosts break no lane, and leave nothing behind", () => {
  const config = `Host *
  ControlPersist 600
  ControlPath /tmp/somewhere
  RemoteCommand false
  LocalForward 4799 127.0.0.1:1
  StrictHostKeyChecking no
  User somebody
  Port 1
  ProxyJump gate
`;
  const options = resolved({}, config);
  expect(Object.fromEntries(options)).toMatchObject({
    controlpersist: "no",
    controlpath: join(folder, "c"),
    clearallforwardings: "yes",
    stricthostkeychecking: "true",
    user: "root",
    port: "22",
    // A way through another host is the operator's to choose.
    proxyjump: "gate",
  });
  expect(options.get("remotecommand") ?? "none").toBe("none");
});

test("no variable of the operator reaches a droplet, and a missing configuration changes nothing", () => {
  const options = resolved(
    {},
    "SendEnv SECRET_*\nHost *\n  SendEnv LC_* LENT\n  SetEnv LENT_TOO=1\n  ForwardAgent yes\n",
  );
  expect(options.has("sendenv")).toBe(false);
  expect(options.get("setenv")).toBe("HORNET_SSH=1");
  expect(options.get("forwardagent")).toBe("no");
  const missing = sshOptions(connection, folder, [join(folder, "none")]);
  expect(execFileSync("ssh", ["-G", ...missing, connection.host], { encoding: "utf8" })).toContain("user root");
});

test.each(["/home/me/my keys/id", `/home/"me"/it's/id`, "/home/a\\b \\c/id", "/home/#é $HOME/id"])(
  "ssh tries only the given key file: %s",
  (privateKeyPath) => {
    const options = resolved({ privateKeyPath });
    expect(options.get("identityfile")).toBe(privateKeyPath);
    expect(options.get("identitiesonly")).toBe("yes");
  },
);

test("~ is the operator's home only at the beginning of a path", () => {
  expect(expandHome("~/.ssh/key")).toBe(join(homedir(), ".ssh/key"));
  expect(expandHome("/a/~/b")).toBe("/a/~/b");
});

test("known_hosts has brackets around a host with another port than 22", () => {
  expect(knownHostsLine({ ...connection, port: 2222 })).toBe(`[203.0.113.10]:2222 ${hostKey}\n`);
  expect(knownHostsLine({ ...connection, hostKey: undefined })).toBeUndefined();
});

test.each([
  ["@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @", "hornet:droplet.hostKey"],
  ["No ED25519 host key is known for [127.0.0.1]:1 and you have requested strict checking.", "hornet:droplet.hostKey"],
  ["Host key verification failed.", "hornet:droplet.hostKey"],
  ["root@h: Permission denied (publickey).", "hornet:droplet.privateKeyPath"],
  ["ssh: connect to host h port 22: Connection refused", "hornet:droplet.host and port"],
  ["ssh: Could not resolve hostname h: Name or service not known", "hornet:droplet.host and port"],
  ["ssh: connect to host h port 22: Connection timed out", "hornet:droplet.host and port"],
  ["ssh printed: sudo: a password is required", "NOPASSWD"],
  ["sudo: sorry, you must have a tty to run sudo", "!requiretty"],
  ["Connection timed out during banner exchange", "hornet:droplet.port"],
  ["kex_exchange_identification: Connection closed by remote host", "PerSourcePenalties"],
  ["Received disconnect from h port 22:2: Too many authentication failures", "hornet:droplet.privateKeyPath"],
  ["no shell answered within 60 s\nthe droplet printed:\n| hello", ".bashrc"],
  ["the droplet printed:\n| Please login as the user admin", "hornet:droplet.user"],
  ["something else", "ssh -v"],
])("the next step after: %s", (stderr, word) => expect(connectionHint(stderr)).toContain(word));

test("the error for a changed host key names the new key", () => {
  const said = `@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!
Someone could be eavesdropping on you right now (man-in-the-middle attack)!
It is also possible that a host key has just been changed.
The fingerprint for the ED25519 key sent by the remote host is
SHA256:iHX7aOiRfPwQm7Jld46MhPxwlskdp.
Please contact your system administrator.
Add correct host key in /tmp/hornet-6fXtlI/known_hosts to get rid of this message.
Offending ED25519 key in /tmp/hornet-6fXtlI/known_hosts:1
  remove with:
  ssh-keygen -f "/tmp/hornet-6fXtlI/known_hosts" -R "h"
Host key for h has changed and you have requested strict checking.
Host key verification failed.
`;
  expect(sshOutput(said)).toBe(`The fingerprint for the ED25519 key sent by the remote host is
SHA256:iHX7aOiRfPwQm7Jld46MhPxwlskdp.
Host key for h has changed and you have requested strict checking.
Host key verification failed.`);
  expect(connectionHint(sshOutput(said))).toContain("hornet:droplet.hostKey");
});

test.each<[string, unknown]>([
  ["neither host nor local", {}],
  ["both", { local: true, host: "a" }],
  ["local: false", { local: false }],
  ["an option as a host", { host: "-oProxyCommand=x" }],
  ["a host with a space", { host: "a b" }],
  ["a user with a quote", { host: "a", user: "a'b" }],
  ["an option as a user", { host: "a", user: "-l" }],
  ["port 0", { host: "a", port: 0 }],
  ["a host key of two lines", { host: "a", hostKey: `${hostKey}\n* ${hostKey}` }],
  ["an unknown field", { host: "a", hostkey: hostKey }],
])("refuses a connection with %s", (_name, value) => expect(connectionSchema.safeParse(value).success).toBe(false));

test("a host key's comment is dropped, as in the config", () => {
  expect(connectionSchema.parse({ host: "a", hostKey: `${hostKey} me@here` })).toMatchObject({ hostKey });
});

test("defaults and names", () => {
  const parsed = connectionSchema.parse({ host: "h.example" });
  expect(parsed).toMatchObject({ user: "root", port: 22 });
  expect(isLocal(parsed)).toBe(false);
  expect(describeConnection(parsed)).toBe("root@h.example:22");
  expect(describeConnection({ local: true })).toBe("this machine");
});
