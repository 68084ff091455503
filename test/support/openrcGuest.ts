import { debianGuest } from "./debianGuest";
import type { Overlay } from "./guestImage";

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
  };
  return debianGuest(
    folder,
    name,
    { suite: "bookworm", packages: "sysvinit-core,openrc,openssh-server,iproute2" },
    overlay,
  );
}
