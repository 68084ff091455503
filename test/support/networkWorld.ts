/**
 * A world around a simulated droplet, in namespaces of the droplet's own: `outside`, a machine on an uplink's wire that routes
 * the bridge network to the droplet (192.0.2.1), and that plays the Internet's servers, a private network and a cloud's
 * metadata services; and `guest`, a namespace in the place of a clone's guest.
 */
import type { Stage } from "./scratchStage";

/** Runs a script on the droplet. */
type Runs = Pick<Stage, "run">;

/** From where, `ADDRESS PORT`, and whether a TCP connection opens. */
export type Reach = readonly [from: "guest" | "droplet" | "outside", to: string, opens: boolean];

/** The addresses that `outside` answers on. */
const SERVERS = ["192.0.2.10", "192.0.2.11", "169.254.169.254", "100.100.100.200", "192.0.0.192", "168.63.129.16"];

/** Builds `outside`. Every address of the world serves HTTP on ports 80 and 81; the droplet too. */
export async function buildWorld(stage: Runs): Promise<void> {
  const servers = SERVERS.map((address) => `addr add ${address}/32 dev lo`).join("\n");
  await stage.run(`ip -batch - <<END
netns add outside
link add w0 address 02:00:00:00:00:10 type veth peer name eth0 netns outside
link set w0 addrgenmode none up
addr add 192.0.2.1/24 dev w0
addr add 10.132.0.1/16 dev w0
END
  ip -n outside -batch - <<END
link set lo up
link set eth0 up
addr add 192.0.2.2/24 dev eth0
addr add 10.132.0.5/16 dev eth0
${servers}
route add 10.0.0.0/24 via 192.0.2.1
END
  ip route add 169.254.169.254 via 192.0.2.2; ip route add 100.100.100.200 via 192.0.2.2
  ip route add 192.0.0.192 via 192.0.2.2; ip route add 168.63.129.16 via 192.0.2.2
  ip route add 192.0.2.10/31 via 192.0.2.2
  mkdir -p /tmp/www; echo hello >/tmp/www/index.html
  for port in 80 81; do
    nsenter --net=/run/netns/outside busybox httpd -p $port -h /tmp/www
    busybox httpd -p $port -h /tmp/www
  done`);
}

/** Puts the namespace `guest`, or of another name, in the place of a clone's guest: its end of a veth pair has the guest's address. */
export async function guestIn(stage: Runs, namespace: string, guest = "guest"): Promise<void> {
  await stage.run(`ip netns add ${guest}; ip -n ${namespace} link del tap0
  ip -n ${namespace} -batch - <<END
link add tap0 address 02:fc:00:00:00:01 type veth peer name eth0 address 02:fc:00:00:00:02 netns ${guest}
link set tap0 up
addr add 192.168.241.1/29 dev tap0
END
  ip -n ${guest} -batch - <<END
link set lo up
link set eth0 up
addr add 192.168.241.2/29 dev eth0
route add default via 192.168.241.1
END
  nsenter --net=/run/netns/${guest} busybox httpd -p 80 -h /tmp/www
  nsenter --net=/run/netns/${guest} busybox httpd -p 8081 -h /tmp/www`);
}

/** Tries connections, all at once. */
export async function reaches(stage: Runs, wanted: readonly Reach[]): Promise<Reach[]> {
  const tries = wanted.map(([from, to], at) => {
    const enter = from === "droplet" ? "" : `nsenter --net=/run/netns/${from} `;
    return `(${enter}timeout 2 busybox nc -w 1 ${to} </dev/null >/dev/null 2>&1; echo ${at} $?) &`;
  });
  const codes = new Map(
    (await stage.run(`${tries.join("\n")}\nwait`))
      .trim()
      .split("\n")
      .map((line) => line.split(" ") as [string, string]),
  );
  return wanted.map(([from, to], at) => [from, to, codes.get(String(at)) === "0"]);
}

/** Removes the world. */
export async function endWorld(stage: Runs): Promise<void> {
  await stage.run(`for one in /proc/[0-9]*; do
    read -r name 2>/dev/null <$one/comm || continue
    [[ $name != busybox && $name != httpd && $name != dnsmasq ]] || kill -9 "\${one#/proc/}" 2>/dev/null || :
  done
  ip netns del outside 2>/dev/null || :; for guest in $(ip netns list | grep -o '^guest[^ ]*'); do ip netns del $guest; done; ip link del w0 2>/dev/null || :
  rm -rf /tmp/www`);
}
