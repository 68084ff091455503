import { scratchDroplet, type ScratchDroplet } from "../../test/support/scratchDroplet";
import { readLibrary } from "../../host/session/library";
import { Session } from "../../host/session/session";
import { sessions } from "../../test/support/scratchProvider";

jest.setTimeout(120_000);

let droplet: ScratchDroplet;
beforeAll(async () => {
  droplet = await scratchDroplet();
  await droplet.run(`echo '#include <unistd.h>
int main(void) { for (;;) pause(); }' | gcc -x c -o ${PRETENDER} -`);
});
afterAll(() => droplet.end());
afterEach(() => sessions.close());

/** A program that takes any arguments and waits. */
const PRETENDER = "/opt/pretender";
const AS_NOBODY = "setpriv --reuid=65534 --regid=65534 --clear-groups";

/** Runs functions of the library on the droplet, past a session. */
function onDroplet(script: string): Promise<string> {
  return droplet.run(`${readLibrary()}\nset +eu\n${script}`);
}

test("a local user can neither take the lock nor pose as its holder", async () => {
  await droplet.run(
    `${AS_NOBODY} flock /run sleep 60 >/dev/null 2>&1 & ` +
      `${AS_NOBODY} bash --noprofile --norc -c 'sleep 60; :' hornet-lane 0 hold_lock 600 mallory >/dev/null 2>&1 & sleep 0.3`,
  );
  const session = new Session({ ...droplet.connection, lockTimeout: 3 });
  try {
    await session.perform({ what: "change", run: "true" });
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

test("a machine's identity is the same for all lanes of root, and no other user knows it", async () => {
  const hello = `bash -c "$(declare -f say_hello); say_hello"`;
  const said = await onDroplet(`say_hello; echo; ${hello}; echo; ${AS_NOBODY} ${hello}`);
  const [one = "", two, other = ""] = said.split("\n").map((line) => line.replace(/^\d+ /, ""));
  expect(one).toMatch(/^[0-9a-f-]{36} \d{30,}$/);
  expect(two).toBe(one);
  expect(one.startsWith(other) && other !== one).toBe(true);
});

test("another user's process with the arguments of a VMM, a helper or a lane does not count as Hornet's", async () => {
  const socket = "/opt/swarm/runtime/vm7/firecracker.sock";
  await droplet.run(
    `${AS_NOBODY} perl -e 'sleep 60' hornet-consoles /home >/dev/null 2>&1 &
     ${AS_NOBODY} ${PRETENDER} --api-sock ${socket} >/dev/null 2>&1 &
     ${AS_NOBODY} bash --noprofile --norc -c 'sleep 60; :' hornet-lane abc serve_lane >/dev/null 2>&1 & sleep 0.3`,
  );
  try {
    const said = await onDroplet(`
      pgrep -u 65534 -xc pretender
      declare -A vmm_of=(); list_vmms; echo "vmm \${vmm_of[${socket}]:-none}"
      list_helpers hornet-consoles /home
      hornet_session=abc; end_session_lanes
      pgrep -u 65534 -fc 'hornet-lane abc'`);
    expect(said).toBe("1\nvmm none\n1\n");
  } finally {
    await droplet.run("pkill -u 65534 || :");
  }
});

test("root's process with a VMM's arguments counts as the clone's only in its namespace and with its program", async () => {
  const dir = "/opt/swarm/runtime/vm7";
  const pretend = `${PRETENDER} --api-sock ${dir}/firecracker.sock >/dev/null 2>&1 &`;
  await droplet.run(`mkdir -p ${dir}; ip netns add vm7; ${pretend} sleep 0.3`);
  const find = `declare -A vmm_of=(); netns_there=(); pid=none; find_vmm ${dir} vm7 pid; echo "$pid"`;
  try {
    expect(await onDroplet(find)).toBe("none\n");
    await droplet.run(`ip netns exec vm7 ${pretend} sleep 0.3`);
    expect(await onDroplet(find)).toMatch(/^\d+\n$/);
    // Its program as it was when the guest started: the same file, then another one.
    await droplet.run(`stat -L -c '/proc/1/exe %i %s' ${PRETENDER} >${dir}/opened`);
    expect(await onDroplet(find)).toMatch(/^\d+\n$/);
    await droplet.run(`stat -L -c '/proc/1/exe %i %s' "$(command -v bash)" >${dir}/opened`);
    expect(await onDroplet(find)).toBe("none\n");
  } finally {
    await droplet.run(`pkill -x pretender || :; ip netns del vm7; rm -rf ${dir}`);
  }
});

test("Hornet makes no folder where another user can exchange one above it, and follows root's links", async () => {
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

test("Hornet claims nothing in a folder that another user can change or exchange", async () => {
  await droplet.run(`mkdir -p /opt/theirs/roots /opt/open /opt/group; ln -s /opt/theirs /opt/link
    chown 65534 /opt/theirs; chmod 777 /opt/open; chown 0:65534 /opt/group; chmod 775 /opt/group`);
  const refused = ["/opt/theirs", "/opt/theirs/roots", "/opt/open", "/opt/group", "/opt/link/roots"];
  try {
    const said = await onDroplet(`
      namespace=vm7 owner=hornet:p/one:0123456789ab digest=abc
      for path in ${refused.join(" ")}; do
        claim "$path/vm7" 2>&1 && echo "claimed $path"
        claim_named "$path/.claim-0123456789ab" 2>&1 && echo "claimed $path by name"
        dir_of_artifacts=$path begin_receive </dev/null 2>&1 && echo "receives in $path"
      done
      find /opt/theirs /opt/open /opt/group -mindepth 1 ! -name roots`);
    const lines = refused.map((path) => `another user can change the folder ${path} or one above it:`);
    expect(
      said
        .replaceAll(/: make root .*$/gm, ":")
        .trimEnd()
        .split("\n"),
    ).toEqual(lines.flatMap((line) => [line, line, line]));
  } finally {
    await droplet.run("rm -rf /opt/theirs /opt/open /opt/group /opt/link");
  }
});

test("in a sticky folder Hornet works, and what other users put there does not count as its own", async () => {
  const dir = "/opt/sticky";
  const label = "hornet:p/one:0123456789ab";
  await droplet.run(`mkdir -p ${dir}; chmod 1777 ${dir}
    ${AS_NOBODY} bash -c 'umask 0; mkdir ${dir}/vm8 ${dir}/.claim-0123456789ab; echo ${label} | tee ${dir}/vm8/owner ${dir}/.claim-0123456789ab/{owner,lineage} >/dev/null
      printf "hornet:x\\n\\035claim vm9 hornet:x\\n" >${dir}/vm8/forged; mkdir ${dir}/vm6; mv ${dir}/vm8/forged ${dir}/vm6/owner'`);
  try {
    const said = await onDroplet(`
      owner=${label} runtime_dir=${dir} quiet="" vmm_timeout_ms=1000
      claim ${dir}/vm7 2>&1 && echo claimed; is_ours ${dir}/vm7 && echo ours
      ln -s ${dir}/vm7 /opt/link; ${AS_NOBODY} ln -s ${dir}/vm7 ${dir}/vm5
      for name in vm5 vm6 vm8; do is_ours ${dir}/$name && echo "took $name"; claim ${dir}/$name 2>&1; done
      claim_named ${dir}/.claim-0123456789ab 2>&1; read_lineage
      gather_facts | grep -a claim`);
    const foreign = (name: string): string => `${dir}/${name} exists and does not belong to Hornet\n`;
    expect(said).toBe(
      `claimed\nours\n${foreign("vm5")}${foreign("vm6")}${foreign("vm8")}${foreign(".claim-0123456789ab")}\x1dclaim vm7 ${label}\n`,
    );
  } finally {
    await droplet.run(`rm -rf ${dir} /opt/link`);
  }
});
