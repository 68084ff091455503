import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SshConnection } from "../../model/connection";
import { scratchDroplet, type ScratchDroplet } from "../../test/support/scratchDroplet";

jest.setTimeout(120_000);

let droplet: ScratchDroplet;
let folder: string;

beforeAll(async () => {
  droplet = await scratchDroplet();
});
afterAll(() => droplet.end());

/** A configuration that lends all it can and trusts a key that is not pinned. */
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hornet-hostile-"));
  const { host, port, hostKey } = droplet.connection;
  const trusted = join(folder, "trusted");
  writeFileSync(trusted, `#!/bin/sh\necho '[${host}]:${port} ${hostKey}'\necho '* ${hostKey}'\n`, { mode: 0o755 });
  writeFileSync(
    join(folder, "config"),
    `Host *
  KnownHostsCommand ${trusted}
  GlobalKnownHostsFile ${folder}/known
  VerifyHostKeyDNS yes
  CheckHostIP yes
  HostKeyAlias another
  StrictHostKeyChecking no
  NoHostAuthenticationForLocalhost yes
  UpdateHostKeys yes
  CanonicalizeHostname always
  ForwardAgent yes
  ForwardX11 yes
  ForwardX11Trusted yes
  PermitLocalCommand yes
  LocalCommand touch ${folder}/ran
  RemoteCommand false
  RequestTTY force
  SendEnv LC_* LENT
  SetEnv LENT_TOO=1
  RemoteForward 127.0.0.1:4799 127.0.0.1:1
  GSSAPIDelegateCredentials yes
  AddKeysToAgent yes
  EscapeChar ~
  StdinNull yes
  ForkAfterAuthentication yes
  SessionType none
  ControlMaster auto
  ControlPath ${folder}/theirs
  ControlPersist 600
`,
  );
  writeFileSync(join(folder, "known"), `* ${hostKey}\n`);
});
afterEach(() => rmSync(folder, { recursive: true }));

/**
 * Runs a command on the droplet as Hornet does, in a process in which that configuration is the system's. Jest's own
 * process.env never reaches the programs that a test starts, so a process of its own is needed.
 *
 * @returns what the command printed, or the error's message
 */
function callWith(connection: SshConnection, run: string): string {
  const program = `
    const { Session } = require("./host/session/session.ts");
    const session = new Session(JSON.parse(process.argv[1]));
    session.call({ what: "look around", run: process.argv[2] })
      .catch((error) => error.message)
      .then((said) => session.close().then(() => console.log(said)));`;
  const script = 'mount --bind "$1" /etc/ssh/ssh_config && shift && exec "$@"';
  const node = [process.execPath, "-r", "./register.cjs", "-e", program, JSON.stringify(connection), run];
  const argv = ["--mount", "--propagation", "private", "sh", "-c", script, "sh", join(folder, "config"), ...node];
  const env = { ...process.env, LC_LENT: "lent", LANG: "C", DISPLAY: ":7" };
  return execFileSync("unshare", argv, { encoding: "utf8", cwd: join(__dirname, "../.."), env }).trimEnd();
}

test("the operator's ssh forwards nothing to a droplet", () => {
  const said = callWith(
    droplet.connection,
    'printf "%s." "${SSH_AUTH_SOCK:-}" "${DISPLAY:-}" "${LC_LENT:-}" "${LENT_TOO:-}" "${SSH_TTY:-}"; ss -Hltn | grep -c 4799 || :',
  );
  expect(said).toBe(".....0");
  expect(existsSync(join(folder, "ran"))).toBe(false);
  expect(existsSync(join(folder, "theirs"))).toBe(false);
});

test("a host key other than the pinned one is refused, whatever else accepts it", () => {
  const hostKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIL0o4ZyDAQ2xFqyPjP0tgEJcsb9x7x0yQPCLdGL7Jb1E";
  expect(callWith({ ...droplet.connection, hostKey }, "true")).toMatch(/hornet:droplet\.hostKey/);
  // Without a pin the same configuration lets the droplet's key in, so it is read at all.
  expect(callWith({ ...droplet.connection, hostKey: undefined }, "echo in")).toBe("in");
});
