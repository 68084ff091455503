/** Faults of single keys. Each case is a config with one fault: the key that is named, and words of what is said. */
import { cured, faultsOf, local, type RawConfig } from "../testing";

const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";
const host = (fields: RawConfig): RawConfig => ({ droplet: { host: "203.0.113.10", ...fields } });

type Case = readonly [config: RawConfig, path: string, words: RegExp];

const droplet: readonly Case[] = [
  [host({ host: "-oProxyCommand=x" }), "droplet.host", /name or IP address.*is "-oProxyCommand=x"/],
  [host({ host: "root@203.0.113.10" }), "droplet.host", /without user/],
  [host({ host: "203.0.113.10:22" }), "droplet.host", /without user, port or brackets/],
  [host({ host: "[::1]" }), "droplet.host", /brackets/],
  [host({ host: "203.0.113.300" }), "droplet.host", /name or IP address/],
  [host({ host: "a..b" }), "droplet.host", /name or IP address/],
  [host({ host: "" }), "droplet.host", /name or IP address/],
  [host({ host: "a b" }), "droplet.host", /name or IP address/],
  [host({ host: 7 }), "droplet.host", /must be text, but is 7/],
  [host({ user: "-root" }), "droplet.user", /login name/],
  [host({ user: "root;id" }), "droplet.user", /login name/],
  [host({ port: 0 }), "droplet.port", /must be 1 or more, but is 0/],
  [host({ port: 65536 }), "droplet.port", /must be 65535 or less/],
  [host({ port: "22" }), "droplet.port", /must be a whole number, but is "22"/],
  [host({ privateKeyPath: "keys/id" }), "droplet.privateKeyPath", /absolute path or one starting with "~\/"/],
  [host({ privateKeyPath: "/keys/${USER}/id" }), "droplet.privateKeyPath", /without "\$\{", which ssh reads/],
  [host({ privateKeyPath: "~other/id" }), "droplet.privateKeyPath", /absolute path/],
  [host({ privateKeyPath: "~/../id" }), "droplet.privateKeyPath", /shortest spelling/],
  [host({ privateKeyPath: "-----BEGIN KEY\nabc\n" }), "droplet.privateKeyPath", /but is text of 3 lines$/],
  [host({ hostKey: "ssh-ed25519 AAAA" }), "droplet.hostKey", /whole public host key/],
  [host({ hostKey: KEY.slice(0, -1) }), "droplet.hostKey", /whole public host key/],
  [host({ hostKey: KEY.replace("ssh-ed25519", "ssh-rsa") }), "droplet.hostKey", /whole public host key/],
  [host({ hostKey: `203.0.113.10 ${KEY}` }), "droplet.hostKey", /TYPE BASE64/],
  [{ droplet: { local: false } }, "droplet.local", /must be true, but is false/],
  [{ droplet: { simulated: "../x" } }, "droplet.simulated", /name of at most 63/],
  [{ droplet: "203.0.113.10" }, "droplet", /must be a mapping, but is "203\.0\.113\.10"/],
  [{ droplet: null }, "droplet", /must be a mapping, but is empty/],
];

const network: readonly Case[] = [
  [local({ bridge: { name: "sixteen-letters0" } }), "bridge.name", /at most 15 characters \(these are 16\)/],
  [local({ bridge: { name: "br/0" } }), "bridge.name", /interface name of letters/],
  [local({ bridge: { name: "br 0" } }), "bridge.name", /interface name of letters/],
  [local({ bridge: { name: ".." } }), "bridge.name", /not starting with/],
  [local({ bridge: { name: "br%d" } }), "bridge.name", /interface name of letters/],
  [local({ bridge: { name: "-br0" } }), "bridge.name", /not starting with "-"/],
  [local({ bridge: { name: "" } }), "bridge.name", /interface name/],
  [local({ bridge: { name: "lo" } }), "bridge.name", /other than lo/],
  [local({ bridge: { uplink: "eth0;reboot" } }), "bridge.uplink", /interface name/],
  [local({ bridge: { isolateClones: "yes" } }), "bridge.isolateClones", /true or false, but is "yes"/],
  [local({ fleet: { adopt: 1 } }), "fleet.adopt", /true or false/],
  [local({ bridge: { address: "10.0.0.1" } }), "bridge.address", /address with a prefix/],
  [local({ bridge: { address: "10.0.0.0/24" } }), "bridge.address", /neither the network's nor.* of 10\.0\.0\.0\/24/],
  [local({ bridge: { address: "10.0.0.255/24" } }), "bridge.address", /neither the network's nor the broadcast/],
  [local({ bridge: { address: "10.0.0.1/31" } }), "bridge.address", /from \/8 to \/30/],
  [local({ bridge: { address: "127.0.0.1/24" } }), "bridge.address", /127\.0\.0\.0\/8, which is reserved/],
  [local({ guest: { tap: "169.254.169.253/30" } }), "guest.tap", /169\.254\.0\.0\/16, which is reserved/],
  [local({ guest: { tap: "192.168.241.1/33" } }), "guest.tap", /address with a prefix/],
  [local({ guest: { address: "192.168.241.2/29" } }), "guest.address", /must be an IPv4 address, but/],
  [local({ guest: { address: "192.168.241.02" } }), "guest.address", /must be an IPv4 address/],
  [local({ guest: { user: "" } }), "guest.user", /login name/],
  [local({ guest: { tapName: "a:b" } }), "guest.tapName", /interface name/],
  [local({ guest: { tapMac: "02:fc:00:00:00" } }), "guest.tapMac", /MAC address/],
  [local({ guest: { mac: "01:00:5e:00:00:01" } }), "guest.mac", /not a multicast address/],
  [local({ guest: { mac: "00:00:00:00:00:00" } }), "guest.mac", /MAC address/],
];

const boot = (fields: RawConfig): RawConfig => local({ snapshot: { boot: fields } });
const snapshot: readonly Case[] = [
  [local({ snapshot: { path: "snapshots/x" } }), "snapshot.path", /absolute path.*is "snapshots\/x"/],
  [local({ snapshot: { path: "/a/../b" } }), "snapshot.path", /shortest spelling/],
  [local({ snapshot: { path: "/a//b" } }), "snapshot.path", /shortest spelling/],
  [local({ snapshot: { path: "/a/" } }), "snapshot.path", /no "\/" at the end/],
  [local({ snapshot: { path: "/" } }), "snapshot.path", /not \/ itself/],
  [local({ snapshot: { path: "/a\u0007" } }), "snapshot.path", /without control characters.*is "\/a\\u0007"/],
  [local({ snapshot: { digest: "sha256:12" } }), "snapshot.digest", /64 lower-case hex digits/],
  [local({ snapshot: { digest: "a".repeat(64) } }), "snapshot.digest", /"sha256:" and 64/],
  [local({ snapshot: { digest: `sha256:${"A".repeat(64)}` } }), "snapshot.digest", /lower-case/],
  [local({ snapshot: { dir: "x" } }), "snapshot.dir", /absolute path/],
  [local({ snapshot: { keepGenerations: -1 } }), "snapshot.keepGenerations", /0 or more/],
  [local({ snapshot: { signers: [] } }), "snapshot.signers", /must not be an empty list/],
  [local({ snapshot: { signers: [KEY] } }), "snapshot.signers[0]", /allowed-signers list/],
  [local({ snapshot: { from: { stack: "-s" } } }), "snapshot.from.stack", /must be a stack/],
  [local({ snapshot: { from: { stack: "a/b/c/d" } } }), "snapshot.from.stack", /must be a stack/],
  [boot({ kernel: "vmlinux" }), "snapshot.boot.kernel", /absolute path/],
  [boot({ memory: 1.5 }), "snapshot.boot.memory", /whole number, but is 1\.5/],
  [boot({ memory: 8 }), "snapshot.boot.memory", /16 or more/],
  [boot({ vcpus: 33 }), "snapshot.boot.vcpus", /32 or less/],
  [boot({ timeout: 0 }), "snapshot.boot.timeout", /1 or more/],
  [boot({ bootArgs: "a\nb" }), "snapshot.boot.bootArgs", /one line/],
  [boot({ name: "a/b" }), "snapshot.boot.name", /name of at most 63/],
];

const others: readonly Case[] = [
  [local({ fleet: { count: -1 } }), "fleet.count", /0 or more, but is -1/],
  [local({ fleet: { count: 2.5 } }), "fleet.count", /whole number, but is 2\.5/],
  [local({ fleet: { count: "3" } }), "fleet.count", /whole number, but is "3"/],
  [local({ fleet: { count: 1e300 } }), "fleet.count", /whole number|or less/],
  [local({ fleet: { startId: -1 } }), "fleet.startId", /0 or more/],
  [local({ fleet: { maxUnavailable: 0 } }), "fleet.maxUnavailable", /1 or more, but is 0/],
  [local({ fleet: { readyTimeout: -5 } }), "fleet.readyTimeout", /0 or more/],
  [local({ fleet: { concurrency: 9 } }), "fleet.concurrency", /auto or a whole number from 1 to 8, but is 9/],
  [local({ fleet: { concurrency: "many" } }), "fleet.concurrency", /auto or a whole number/],
  [local({ fleet: { knownAs: "dev" } }), "fleet.knownAs", /ORGANIZATION\/PROJECT\/STACK/],
  [local({ fleet: { knownAs: "a/b/c d" } }), "fleet.knownAs", /ORGANIZATION\/PROJECT\/STACK/],
  [local({ fleet: [] }), "fleet", /must be a mapping, but is a list/],
  [local({ fleet: "{count: 3" }), "fleet", /must be a mapping/],
  [local({ vmm: { firecracker: "firecracker" } }), "vmm.firecracker", /absolute path/],
  [local({ vmm: { runtimeDir: `/${"a".repeat(64)}` } }), "vmm.runtimeDir", /at most 64 bytes/],
  [local({ vmm: { runtimeDir: "run" } }), "vmm.runtimeDir", /absolute path/],
  ...["/proc/hornet", "/sys", "/dev/hornet"].map((runtimeDir): Case => [
    local({ vmm: { runtimeDir } }),
    "vmm.runtimeDir",
    /outside of \/proc, \/sys and \/dev/,
  ]),
  ...["/etc", "/var/lib", "/usr/local", "/tmp", "/dev/shm"].map((runtimeDir): Case => [
    local({ vmm: { runtimeDir } }),
    "vmm.runtimeDir",
    /folder of Hornet's own/,
  ]),
  [local({ vmm: { kernel: "~/vmlinux" } }), "vmm.kernel", /absolute path/],
  [local({ identity: { authorizedKeys: KEY } }), "identity.authorizedKeys", /must be a list, but is text$/],
  [local({ identity: { authorizedKeys: ["ssh-ed25519 x"] } }), "identity.authorizedKeys[0]", /authorized_keys/],
  [local({ identity: { authorizedKeys: [`${KEY}\n${KEY}`] } }), "identity.authorizedKeys[0]", /one whole line/],
  [local({ identity: { env: { "API-URL": "x" } } }), "identity.env.API-URL…", /named with letters/],
  [local({ identity: { env: { "1X": "x" } } }), "identity.env.1X…", /not starting with a digit/],
  [local({ identity: { env: { IFS: "x" } } }), "identity.env.IFS", /is a name that the guest's shells or Hornet set/],
  [local({ identity: { env: { BASH_VERSINFO: "x" } } }), "identity.env.BASH_VERSINFO", /is a name that the guest's/],
  [local({ agent: { env: { HORNET_ACTION: "x" } } }), "agent.env.HORNET_ACTION", /is a name that the guest's shells/],
  [local({ identity: { env: { X: "\ud83d" } } }), "identity.env.X", /whole characters/],
  [local({ identity: { env: { X: null } } }), "identity.env.X", /must be text \(empty text is ""\), but is empty/],
  [local({ identity: { env: { X: ["a"] } } }), "identity.env.X", /must be text.*is a list/],
  [local({ identity: { env: { X: "a\0b" } } }), "identity.env.X", /NUL/],
  [local({ identity: { env: { X: 2 ** 60 } } }), "identity.env.X", /must be in quotes/],
  [local({ clones: { seven: {} } }), "clones.seven", /must be the id of a clone/],
  [local({ clones: { "01": {} } }), "clones.01", /must be the id of a clone/],
  [local({ clones: { "1": { publish: [{}] } } }), "clones.1.publish[0].port", /is missing/],
  [local({ clones: { "1": { publish: [{ port: 0 }] } } }), "clones.1.publish[0].port", /1 or more/],
  [
    local({ clones: { "1": { publish: [{ port: 1, protocol: "icmp" }] } } }),
    "clones.1.publish[0].protocol",
    /must be tcp or udp, but is "icmp"/,
  ],
  [
    local({ clones: { "1": { egress: { allow: ["10.0.0.1/24"] } } } }),
    "clones.1.egress.allow[0]",
    /without host bits: 10\.0\.0\.0\/24/,
  ],
  [local({ clones: { "1": { egress: { allow: ["10.0.0.1"] } } } }), "clones.1.egress.allow[0]", /with a prefix/],
  [local({ clones: { "1": { identity: { env: { X: {} } } } } }), "clones.1.identity.env.X", /must be text/],
];

const agent: readonly Case[] = [
  [
    local({ guest: { identity: "none" } }),
    "guest.identity",
    /must be auto or service or ssh or cloud-init|must be auto, service/,
  ],
  [local({ guest: { privateKeyPath: "id" } }), "guest.privateKeyPath", /absolute path or one starting with "~\/"/],
  [local({ agent: { command: " " } }), "agent.command", /one line for a shell/],
  [local({ agent: { command: "a\nb" } }), "agent.command", /one line for a shell/],
  [local({ agent: { env: { "1X": "x" } } }), "agent.env.1X…", /not starting with a digit/],
  [local({ agent: { restart: "sometimes" } }), "agent.restart", /must be always/],
  [local({ agent: { user: "a b" } }), "agent.user", /login name/],
  [local({ agent: { service: "x; reboot" } }), "agent.service", /service's name/],
  [local({ agent: { service: "x.service" } }), "agent.service", /without "\.service"/],
];

const unknown: readonly Case[] = [
  [local({ fleet: { cuont: 300 } }), "fleet.cuont", /^unknown key hornet:fleet\.cuont, did you mean count\?$/],
  [local({ flet: {} }), "flet", /^unknown key hornet:flet, did you mean fleet\?$/],
  [local({ clone: {} }), "clone", /did you mean clones\?/],
  [host({ Host_key: "x" }), "droplet.Host_key", /did you mean hostKey\?/],
  [local({ snapshot: { boot: { memroy: 1 } } }), "snapshot.boot.memroy", /did you mean memory\?/],
  [
    local({ snapshot: { from: { droplet: { host: "h", prot: 1 }, path: "/a" } } }),
    "snapshot.from.droplet.prot",
    /did you mean port\?/,
  ],
  [local({ clones: { "1": { publsh: [] } } }), "clones.1.publsh", /did you mean publish\?/],
  [
    local({ clones: { "1": { publish: [{ port: 1, guestport: 2 }] } } }),
    "clones.1.publish[0].guestport",
    /did you mean guestPort\?/,
  ],
  [
    local({ vmm: { xyzzy: 1 } }),
    "vmm.xyzzy",
    /the keys here are firecracker, jailer, uids, limits, rates, recovery, runtimeDir, kernel, timeout, consoleLimit, metrics, shutdownTimeout$/,
  ],
];

describe.each([
  ["droplet", droplet],
  ["bridge and guest", network],
  ["snapshot", snapshot],
  ["fleet, vmm, identity, clones", others],
  ["agent, and how guests are told who they are", agent],
  ["unknown keys", unknown],
])("%s", (_, cases) => {
  test.each(cases)("%j", (config, path, words) => {
    const faults = faultsOf(config);
    expect(faults).toEqual([
      {
        path: `hornet:${path}`,
        problem: expect.stringMatching(words) as string,
        example: expect.any(String) as string,
      },
    ]);
    const [fault] = faults;
    if (fault === undefined) throw new Error("no fault");
    expect(faultsOf(cured(config, fault))).toEqual([]);
  });
});
