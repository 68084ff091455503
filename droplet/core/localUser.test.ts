import { scratchDroplet, type ScratchDroplet } from "../../test/support/scratchDroplet";
import { readLibrary } from "../../host/session/library";
import { closeSessions, Session } from "../../host/session/session";

jest.setTimeout(120_000);

let droplet: ScratchDroplet;
beforeAll(async () => {
  droplet = await scratchDroplet();
});
afterAll(() => droplet.end());
afterEach(() => closeSessions());

const AS_NOBODY = "setpriv --reuid=65534 --regid=65534 --clear-groups";

/** Runs functions of the library on the droplet, past a session. */
function onDroplet(script: string): Promise<string> {
  return droplet.run(`${readLibrary()}\nset +eu\n${script}`);
}

test("a local user neither holds the lock nor speaks for its holder", async () => {
  await droplet.run(
    `${AS_NOBODY} flock /run sleep 60 >/dev/null 2>&1 & ` +
      `${AS_NOBODY} bash --noprofile --norc -c 'sleep 60; :' hornet-lane 0 hold_lock 600 mallory >/dev/null 2>&1 & sleep 0.3`,
  );
  const session = new Session({ ...droplet.connection, lockTimeout: 3 });
  try {
    await session.call({ what: "change", run: "true" });
    expect(await session.call({ what: "ask", run: "lock_holder" })).not.toContain("mallory");
    expect(await droplet.run("stat -c '%U %a' /run/hornet /run/hornet/lock /run/hornet/holder")).toBe(
      "root 700\nroot 600\nroot 600\n",
    );
    expect(await droplet.run(`${AS_NOBODY} flock -n /run/hornet/lock true 2>&1 || echo refused`)).toContain("refused");
  } finally {
    await session.close();
    await droplet.run("pkill -u 65534 || :");
  }
  expect(await droplet.run("ls -d /run/hornet 2>&1 || :")).toContain("No such file");
});

test("a process with a VMM's, a helper's or a lane's arguments is none of ours where another user runs it", async () => {
  const socket = "/opt/swarm/runtime/vm7/firecracker.sock";
  await droplet.run(
    `${AS_NOBODY} perl -e 'sleep 60' hornet-consoles /home >/dev/null 2>&1 &
     ${AS_NOBODY} perl -e '$0 = join("\\0", "vmm", "--api-sock", "${socket}", ""); sleep 60' >/dev/null 2>&1 &
     ${AS_NOBODY} bash --noprofile --norc -c 'sleep 60; :' hornet-lane abc serve_lane >/dev/null 2>&1 & sleep 0.3`,
  );
  try {
    const said = await onDroplet(`
      declare -A vmm_of=(); list_vmms; echo "vmm \${vmm_of[${socket}]:-none}"
      list_helpers hornet-consoles /home
      hornet_session=abc; end_session_lanes
      pgrep -u 65534 -fc 'hornet-lane abc'`);
    expect(said).toBe("vmm none\n1\n");
  } finally {
    await droplet.run("pkill -u 65534 || :");
  }
});

test("no folder is made where another user can exchange one above it; root's own links are followed", async () => {
  await droplet.run(`mkdir -p /opt/data /opt/theirs; ln -s /opt/data /opt/link; chown 65534 /opt/theirs
    mkdir /opt/open; chmod 777 /opt/open`);
  try {
    const said = await onDroplet(`
      for path in /opt/theirs/a/b /opt/open/a /tmp/a /opt/link/a; do make_folder "$path" 2>&1 && echo "made $path"; done`);
    const refused = (path: string): string =>
      `cannot make the folder ${path}: another user can change a folder above it\n`;
    expect(said).toBe(`${refused("/opt/theirs/a")}${refused("/opt/open/a")}${refused("/tmp/a")}made /opt/link/a\n`);
  } finally {
    await droplet.run("rm -rf /opt/data /opt/theirs /opt/link /opt/open");
  }
});
