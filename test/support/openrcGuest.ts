import { execFileSync } from "node:child_process";
import { join, resolve } from "node:path";
import { layOut, type Overlay } from "./guestImage";

const builder = resolve(__dirname, "../../guest/build-rootfs.sh");

/**
 * A guest as the archive has them: OpenRC, OpenSSH with keys of its own, and an agent that is a service of OpenRC in the
 * default runlevel. It knows nothing of Hornet.
 *
 * @param login the public key that may log in
 * @returns the image's path
 */
export function openrcGuest(folder: string, name: string, login: string): string {
  // It asks every second as whoever it thinks it is, like the archive's agent.js: by its environment, else by the hostname.
  const agent = `#!/bin/bash
while :; do
  if exec 3<>/dev/tcp/10.0.0.1/8080; then
    printf 'GET / HTTP/1.0\\r\\nX-Agent-Id: %s\\r\\nAuthorization: Bearer %s\\r\\n\\r\\n' "\${AGENT_ID:-$(hostname)}" "$ANTHROPIC_API_KEY" >&3
    cat <&3 >/dev/null
    exec 3>&-
  fi 2>/dev/null
  sleep 1
done
`;
  const service = `#!/sbin/openrc-run
command=/bin/bash
command_args=/opt/swarm-agent/agent
command_background=yes
pidfile=/run/swarm-agent.pid
`;
  const overlay: Overlay = {
    "opt/swarm-agent/agent": { text: agent, mode: 0o755 },
    "etc/init.d/swarm-agent": { text: service, mode: 0o755 },
    "etc/hostname": "template\n",
    // Laid over before the init starts anything: the service is in the runlevel by this link.
    "etc/runlevels/default/swarm-agent": { link: "/etc/init.d/swarm-agent" },
    "root/.ssh/authorized_keys": { text: `${login}\n`, mode: 0o600 },
    // Host keys of its own, the same in every clone, as any template has.
    ...Object.fromEntries([hostKey(folder, name)]),
  };
  const image = join(folder, `${name}.ext4`);
  execFileSync(
    builder,
    [
      ...["--debootstrap", "bookworm", "--packages", "sysvinit-core,openrc,openssh-server,iproute2"],
      ...["--no-service", "--add", layOut(folder, name, overlay), "--out", image],
    ],
    { stdio: ["ignore", "ignore", "inherit"] },
  );
  return image;
}

function hostKey(folder: string, name: string): [string, { text: string; mode: number }] {
  const file = join(folder, `${name}-host`);
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", file]);
  return ["etc/ssh/ssh_host_ed25519_key", { text: execFileSync("cat", [file], { encoding: "utf8" }), mode: 0o600 }];
}
