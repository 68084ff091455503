import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { scratchDroplet, type ScratchDroplet } from "../../test/support/scratchDroplet";
import { Session } from "../session/session";

jest.setTimeout(120_000);

let droplet: ScratchDroplet;
let folder: string;
const path = process.env.PATH ?? "";

beforeAll(async () => {
  droplet = await scratchDroplet();
});
afterAll(() => droplet.end());

/** Every ssh of this process reads a configuration that lends all it can, and trusts a key that is not pinned. */
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hornet-hostile-"));
  const { host, port, hostKey } = droplet.connection;
  const trusted = join(folder, "trusted");
  writeFileSync(trusted, `#!/bin/sh\necho '[${host}]:${port} ${hostKey}'\necho '* ${hostKey}'\n`);
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
  writeFileSync(join(folder, "ssh"), `#!/bin/sh\nPATH='${path}' exec ssh -F '${folder}/config' "$@"\n`);
  for (const file of ["ssh", "trusted"]) chmodSync(join(folder, file), 0o755);
  process.env.PATH = `${folder}:${path}`;
  process.env.LC_LENT = "lent";
});
afterEach(() => {
  process.env.PATH = path;
  Reflect.deleteProperty(process.env, "LC_LENT");
  rmSync(folder, { recursive: true });
});

test("a droplet is lent nothing of the operator's", async () => {
  const session = new Session(droplet.connection);
  try {
    const said = await session.call({
      what: "look around",
      run: 'printf "%s." "${SSH_AUTH_SOCK:-}" "${DISPLAY:-}" "${LC_LENT:-}" "${LENT_TOO:-}" "${SSH_TTY:-}"; ss -Hltn | grep -c 4799 || :',
    });
    expect(said).toBe(".....0\n");
    expect(existsSync(join(folder, "ran"))).toBe(false);
    expect(existsSync(join(folder, "theirs"))).toBe(false);
  } finally {
    await session.close();
  }
});

test("a host key that is not the pinned one is refused, whoever else vouches for it", async () => {
  const hostKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIL0o4ZyDAQ2xFqyPjP0tgEJcsb9x7x0yQPCLdGL7Jb1E";
  const session = new Session({ ...droplet.connection, hostKey });
  try {
    await expect(session.call({ what: "connect", run: "true" })).rejects.toThrow(/hornet:droplet\.hostKey/);
  } finally {
    await session.close();
  }
});
