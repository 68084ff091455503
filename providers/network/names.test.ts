/**
 * Names as egress: a guest's queries through the droplet's name server, and its packets to the addresses of the answers.
 * A dnsmasq stands in for the Internet's name servers.
 */
import { Driver } from "../../test/support/scratchProvider";
import { declared, Stage } from "../../test/support/scratchStage";
import { buildWorld, endWorld, guestIn, reaches } from "../../test/support/networkWorld";

jest.setTimeout(120_000);

const egress = ["api.test", "*.wild.test:80/tcp", "gone.test", "inner.test"];
const upstream = "/tmp/upstream";

const stage = Stage.use({
  undo: async () => {
    for (const one of [server, rules, network, base]) await one.delete();
    await endWorld(stage);
    await stage.run(`rm -rf ${upstream}; cp /etc/resolv.conf.before /etc/resolv.conf; rm /etc/resolv.conf.before`);
  },
});

let base: Driver;
let network: Driver;
let rules: Driver;
let server: Driver;

/** Replaces the records of the Internet's name servers: `NAME,ADDRESS,SECONDS`. */
async function serve(...records: readonly string[]): Promise<void> {
  await stage.run(`mkdir -p ${upstream}; printf '%s\\n' ${records.map((record) => `host-record=${record}`).join(" ")} >${upstream}/conf
    old=$(cat ${upstream}/pid 2>/dev/null || :); [[ -z $old ]] || { kill $old; while kill -0 $old 2>/dev/null; do sleep 0.02; done; }
    nsenter --net=/run/netns/outside dnsmasq --conf-file=${upstream}/conf --no-resolv --no-hosts --pid-file=${upstream}/pid --user=root --port=53`);
}

beforeEach(async () => {
  await stage.run(`cp /etc/resolv.conf /etc/resolv.conf.before 2>/dev/null || : >/etc/resolv.conf.before
    echo nameserver 192.0.2.2 >/etc/resolv.conf`);
  base = await stage.bridge();
  network = await stage.namespace();
  rules = await stage.nat({
    bridgeAddress: "10.0.0.1/24",
    publish: [],
    egress,
    nameservers: ["192.168.241.1", "192.0.2.53"],
  });
  server = await stage.names([{ clones: ["10.0.0.9"], egress }]);
  await buildWorld(stage);
  await serve(
    "api.test,192.0.2.10,3",
    "a.wild.test,192.0.2.11,60",
    "inner.test,10.132.0.5,60",
    "other.test,192.0.2.11,60",
  );
  for (const one of [base, network, rules, server]) await one.create();
  await guestIn(stage, "vm7");
});

/** The answer of a name server to the guest: addresses, or how the query failed. */
async function ask(name: string, at = "192.0.2.53"): Promise<string> {
  const script = `nsenter --net=/run/netns/guest timeout 3 busybox nslookup -type=a ${name} ${at} 2>&1 || :`;
  const output = await stage.run(script);
  const addresses = [...output.matchAll(/Name:.*\nAddress(?: 1)?: (\S+)/g)].map(([, address]) => address);
  return (
    addresses.join(" ") ||
    (/REFUSED|NXDOMAIN|timed out|No answer|unreachable|refused/i.exec(output)?.[0] ?? (output.trim() || "no answer"))
  );
}

const opens = async (to: string): Promise<boolean> => (await reaches(stage, [["guest", to, true]]))[0]?.[2] === true;

test("where the droplet's firewall is loaded again, what the names opened stays open, and nothing else opens", async () => {
  expect(await ask("a.wild.test")).toBe("192.0.2.11");
  // As a firewall does that hides all that leaves, so that answers come back.
  const firewall = `flush ruleset; table ip nat { chain post { type nat hook postrouting priority srcnat; oifname "w0" masquerade; }; }`;
  const names = `nft list tables | grep -q 'ip hornet_.*/names$'`;
  for (const rules of [
    firewall,
    "delete table ip $(nft list tables | sed -n 's/^table ip \\(hornet_.*names\\)/\\1/p')",
  ]) {
    await stage.run(`nft -f - <<END\n${rules}\nEND\nuntil ${names}; do sleep 0.01; done`);
    expect({ rules, opens: [await opens("192.0.2.11 81"), await opens("192.0.2.11 80")] }).toEqual({
      rules,
      opens: [false, true],
    });
    expect(await server.read()).toMatchObject(declared);
  }
  await stage.run("nft delete table ip nat");
});

test("a guest reaches the addresses of declared names for the lifetime of their records, and nothing else", async () => {
  expect(await server.read()).toMatchObject(declared);
  // An address of which the guest asked no name.
  expect(await opens("192.0.2.11 80")).toBe(false);
  expect([await ask("api.test"), await ask("a.wild.test", "192.168.241.1"), await ask("other.test")]).toEqual([
    "192.0.2.10",
    "192.0.2.11",
    "REFUSED",
  ]);
  expect([await opens("192.0.2.10 80"), await opens("192.0.2.10 81")]).toEqual([true, true]);
  expect([await opens("192.0.2.11 80"), await opens("192.0.2.11 81")]).toEqual([true, false]);
  // The wildcard's own name, a name that ends alike, DNS elsewhere, by TCP, and a name with a private address.
  expect([await ask("wild.test"), await ask("xapi.test")]).toEqual(["REFUSED", "REFUSED"]);
  expect(await ask("api.test", "192.0.2.2")).not.toContain("192.0.2.10");
  const overTcp = `nsenter --net=/run/netns/guest perl -MIO::Socket::INET -e 'my $s = IO::Socket::INET->new(PeerAddr => "192.0.2.53:53", Timeout => 2) or die "closed\\n";
    my $q = pack("nnnnnn", 7, 256, 1, 0, 0, 0) . "\\3api\\4test\\0" . pack("nn", 1, 1); print $s pack("n", length $q) . $q;
    $s->read(my $a, 2 + 12 + 14 + 16); print join ".", unpack "C4", substr $a, -4'`;
  expect(await stage.run(overTcp)).toBe("192.0.2.10");
  expect(await ask("inner.test")).toBe("10.132.0.5");
  expect(await opens("10.132.0.5 80")).toBe(false);

  // A clone that holds all the connections that one may have leaves some to the others; so it does with queries that wait.
  const hold = `nsenter --net=/run/netns/guest perl -MIO::Socket::INET -e 'my @all = map { IO::Socket::INET->new(PeerAddr => "192.0.2.53:53", Timeout => 2) } 1 .. 40; sleep 5'`;
  const byOther = `read -r _ _ port < <(grep ^listen /opt/swarm/runtime/.names-*/policies); perl -MIO::Socket::INET -e 'my $s = IO::Socket::INET->new(PeerAddr => "10.0.0.1:$ARGV[0]", Timeout => 2) or die "closed\\n";
    my $q = pack("nnnnnn", 7, 256, 1, 0, 0, 0) . "\\3api\\4test\\0" . pack("nn", 1, 1); print $s pack("n", length $q) . $q;
    $s->read(my $a, 6) == 6 or die "no answer\\n"; print ord(substr $a, 5) & 15' "$port"`;
  expect(await stage.run(`${hold} & sleep 1; ${byOther}; kill %1`)).toBe("5");

  // A name's new address opens, and the old one closes when its record expires.
  await serve("api.test,192.0.2.11,3");
  await stage.run("sleep 6");
  expect(await opens("192.0.2.10 80")).toBe(false);
  expect(await ask("api.test")).toBe("192.0.2.11");
  expect(await opens("192.0.2.11 81")).toBe(true);

  // Drift of the server and its policies.
  await stage.repairs(server, "kill -9 $(pgrep -f '[h]ornet-names')", "the guests' name server does not run");
  expect(await ask("api.test")).toBe("192.0.2.11");
  const home = "$(echo /opt/swarm/runtime/.names-*)";
  // Another process with the arguments of its dnsmasq is none.
  await stage.repairs(
    server,
    `echo 'sleep 60' >/tmp/pretend; setsid perl /tmp/pretend --conf-file=${home}/dnsmasq.conf >/dev/null 2>&1 & sleep 0.3; rm /tmp/pretend
     kill -STOP $(pgrep -x dnsmasq -P "$(cut -d' ' -f1 ${home}/pid)")`,
    "the dnsmasq of the guests' name server does not run",
  );
  await stage.repairs(server, `echo table x >>${home}/policies`, "the guests' name server has other policies");

  // Hornet reports a name without an address.
  const stderr = jest.spyOn(console, "error").mockImplementation(() => undefined);
  await server.update();
  expect(stderr.mock.calls.flat().join("\n")).toMatch(
    /gone\.test \(hornet:fleet\.egress\) (does not exist|is refused)/,
  );
  stderr.mockRestore();
});
