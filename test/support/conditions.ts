/** Conditions of a droplet's networks, as rented servers have them: how each is made in a simulated droplet, and undone. */

/** The address of a clone. */
export const clone = (id: number): string => `10.0.0.${id + 2}`;
export const guests = [{ clones: [clone(0), clone(1)], egress: ["internet"] }];
/** The fleet's network that they meet. */
export const network = {
  address: "10.0.0.1/24",
  uplink: "auto",
  closed: true,
  forwards: [],
  services: ["8080/tcp"],
  guests,
};

/** A condition of a droplet: how to make it, and what Preflight says; where it says nothing, both are left out. */
export interface Condition {
  readonly make: string;
  readonly undo: string;
  readonly network?: object;
  readonly refused?: RegExp;
  readonly warned?: RegExp;
  /** The warning's or the refusal's commands let everything through. */
  readonly mends?: true;
  /** Shell functions in the place of a firewall's tool, which do to the rules what the real one did. */
  readonly tools?: string;
}

export const flush = "nft flush ruleset";
/** Removes all tables but Hornet's. */
export const foreignOff = "nft list tables | grep -v hornet | sed 's/^/delete /' | nft -f -";
export const legacyOff =
  "for p in INPUT FORWARD OUTPUT; do iptables-legacy -P $p ACCEPT; done; iptables-legacy -F; rm -f /run/xtables.lock";
export const chain = (hook: string, rules: string, family = "inet", policy = "accept", priority = "filter"): string =>
  `nft -f - <<'END'\ntable ${family} fw_${hook} {\n chain ${hook} {\n type filter hook ${hook} priority ${priority}; policy ${policy};\n${rules}\n }\n}\nEND
`;
export const vpc = (address: string): string =>
  `ip link add eth1 type veth peer name far1; ip link set eth1 up; ip link set far1 up; ip addr add ${address} dev eth1`;
export const noVpc = "ip link del eth1";
export const vpn =
  "ip tuntap add dev tailscale0 mode tun; ip link set tailscale0 up; ip addr add 100.64.0.9/32 dev tailscale0";
export const noVpn = "ip link del tailscale0";
export const free = String.raw`Free there: hornet:bridge\.address: 10\.201\.0\.1/24`;
