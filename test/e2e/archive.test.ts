/**
 * The archive's story: a folder with vm.snapshot, vm.mem and rootfs.ext4 in the archive's layout, made by nothing of Hornet's
 * and without a metadata service; a guest with OpenRC, the service swarm-agent and /etc/swarm-env; three clones of it.
 */
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dropletPaths } from "../../sandbox/droplet/paths";
import type { AgentRequest } from "../support/agentServer";
import { withAgentServer } from "../support/agentServer";
import { keyPair } from "../support/guestImage";
import { openrcGuest } from "../support/openrcGuest";
import { changes } from "../support/scratchDroplet";
import { limitMs, settings } from "../support/settings";
import { Stacks } from "../support/stacks";

jest.setTimeout(limitMs(1200));

const STACK = "archive";
const KEY = "sk-of-the-agents";
const snapshot = "/opt/swarm/snapshots/hornetos-agent-v3";

let folder: string;
let stacks: Stacks | undefined;
afterEach(async () => {
  await stacks?.end();
  rmSync(folder, { recursive: true, force: true });
});

/**
 * Some machines with KVM offer no RDRAND that a guest's kernel trusts: without this device the guest's own ssh server, with
 * or without Hornet, waits for its first random numbers for ever.
 */
const entropy = settings().firecracker === undefined ? "" : "put entropy '{}'";

/** Boots the guest and takes its snapshot in the order of the archive's swarm-boot-hornetos-v3.sh. */
const bootAndSnapshot = (seconds: number): string => `set -e
  ip netns add template
  ip -n template tuntap add dev tap0 mode tap
  ip -n template addr add 192.168.241.1/29 dev tap0
  ip -n template link set tap0 address 02:fc:00:00:00:01 up
  ip netns exec template firecracker --api-sock /run/template.sock >/run/template.log 2>&1 </dev/null & pid=$!
  until [ -S /run/template.sock ]; do sleep 0.05; done
  put() { curl -sS --fail-with-body --unix-socket /run/template.sock -X "\${3:-PUT}" -d "$2" "http://localhost/$1"; }
  put machine-config '{"vcpu_count": 1, "mem_size_mib": 128}'
  put boot-source '{"kernel_image_path": "/opt/swarm/images/vmlinux.bin", "boot_args": "console=ttyS0 reboot=k panic=1 pci=off ip=192.168.241.2::192.168.241.1:255.255.255.248::eth0:off"}'
  put drives/rootfs '{"drive_id": "rootfs", "path_on_host": "${snapshot}/rootfs.ext4", "is_root_device": true, "is_read_only": false}'
  put network-interfaces/eth0 '{"iface_id": "eth0", "guest_mac": "AA:FC:00:00:00:01", "host_dev_name": "tap0"}'
  ${entropy}
  put actions '{"action_type": "InstanceStart"}'
  until ip netns exec template timeout ${Math.ceil(seconds / 20)} bash -c 'exec 3<>/dev/tcp/192.168.241.2/22; read -r banner <&3' 2>/dev/null; do
    # A snapshot of a guest that still boots would be one whose clones nobody can reach.
    ((SECONDS < ${seconds})) || { echo "the guest's ssh is silent after $SECONDS s"; tail -n 5 /run/template.log; exit 1; } >&2
    sleep 1
  done
  put vm '{"state": "Paused"}' PATCH
  put snapshot/create '{"snapshot_path": "${snapshot}/vm.snapshot", "mem_file_path": "${snapshot}/vm.mem"}'
  kill "$pid"; wait "$pid" || :
  ip netns del template; rm -f /run/template.*`;

test("three clones of the archive's snapshot get their identities over ssh, and their agents restart", async () => {
  folder = mkdtempSync(join(tmpdir(), "hornet-archive-"));
  const login = keyPair(folder, "login");
  const image = openrcGuest(folder, "archive", login.line);
  stacks = await Stacks.begin(STACK);
  copyFileSync(image, join(dropletPaths(STACK).opt, "rootfs.ext4"));
  await stacks.on(STACK, `mkdir -p ${snapshot}; mv /opt/rootfs.ext4 ${snapshot}/`);
  // The droplet's user logs in to the guests with a key of its own, as the archive's script does.
  await stacks.on(
    STACK,
    `umask 077; mkdir -p /root/.ssh; cat >/root/.ssh/id_ed25519 <<'END'\n${readFileSync(login.file, "utf8")}END`,
  );
  await stacks.on(STACK, bootAndSnapshot(Math.ceil(300 * settings().timeoutScale)));
  const before = await stacks.observe(STACK);
  expect(await stacks.on(STACK, `ls ${snapshot}`)).toBe("rootfs.ext4\nvm.mem\nvm.snapshot");

  stacks.configure(STACK, {
    snapshot: { path: snapshot },
    bridge: { services: ["8080/tcp"] },
    agent: { service: "swarm-agent" },
    identity: { env: { ANTHROPIC_API_KEY: KEY, API_URL: "http://10.0.0.1:8080" } },
  });
  const names = ["vm0", "vm1", "vm2"];
  const asked = await withAgentServer(
    { onDroplet: (script) => stacks?.on(STACK, script) ?? Promise.resolve("") },
    8080,
    async (server): Promise<AgentRequest[]> => {
      await stacks?.up(STACK);
      return server.until((all) => names.every((name) => all.filter(({ id }) => id === name).length > 1));
    },
  );
  // No agent asked as the template, or without its key, once its clone was open to the network.
  expect(new Set(asked.map(({ id, key, from }) => `${id} ${key} ${from}`))).toEqual(
    new Set(names.map((name, at) => `${name} ${KEY} 10.0.0.${at + 2}`)),
  );
  const { clones } = (await stacks.outputs(STACK)) as { clones: unknown };
  expect(clones).toMatchObject(
    names.map((name, at) => ({ name, address: `10.0.0.${at + 2}`, identityMethod: "ssh", ready: true })),
  );
  for (const name of names) {
    expect(await stacks.in(STACK, name, "hostname")).toBe(name);
    const env = await stacks.in(STACK, name, "cat /etc/swarm-env");
    expect(env).toContain(`AGENT_ID="${name}"`);
    expect(env).toContain(KEY);
  }
  // Nothing was asked of a metadata service that the snapshot does not have.
  expect(await stacks.on(STACK, "cat /opt/swarm/runtime/vm0/console.log")).not.toContain("MMDS");
  await stacks.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes", "-s", STACK);

  await stacks.pulumi("destroy", "--yes", "--skip-preview", "-s", STACK);
  expect(changes(before, await stacks.observe(STACK))).toEqual([]);
});
