/**
 * Runs inside a simulated droplet, as `node -r register.cjs scratchLocal.ts`: the droplet is this very machine. Makes a
 * clone's network, lets it drift, repairs it and takes it away; prints what each step said, as JSON.
 */
import { execFileSync } from "node:child_process";
import { definition as bridgeDefinition } from "../../providers/network/bridge";
import { definition as namespaceDefinition } from "../../providers/network/namespace";
import { definition as natDefinition } from "../../providers/network/nat";
import { Driver, sessions } from "./scratchProvider";

const common = { droplet: { local: true }, owner: "hornet:p/local:0123456789ab", runtimeDir: "/opt/swarm/runtime" };

async function run(): Promise<Record<string, unknown>> {
  const bridge = await Driver.of(bridgeDefinition, common);
  const namespace = await Driver.of(namespaceDefinition, {
    ...common,
    namespace: "vm7",
    bridge: "br0",
    hostVeth: "veth7h",
    address: "10.0.0.9/24",
    gateway: "10.0.0.1",
    tapMac: "02:fc:00:00:00:01",
    tapAddress: "192.168.241.1/29",
  });
  const nat = await Driver.of(natDefinition, {
    ...common,
    namespace: "vm7",
    address: "10.0.0.9",
    guestAddress: "192.168.241.2",
  });
  const all = [bridge, namespace, nat];
  const conditions = async (): Promise<unknown[]> => {
    const read: unknown[] = [];
    for (const one of all) read.push((await one.read()).condition);
    return read;
  };
  for (const one of all) await one.create();
  const created = await conditions();
  execFileSync("bash", [
    "--norc",
    "-euc",
    "ip link set br0 down; ip -n vm7 link set tap0 down; nsenter --net=/run/netns/vm7 nft flush table ip hornet",
  ]);
  const drifted = await conditions();
  for (const one of all) await one.update();
  const repaired = await conditions();
  for (const one of [...all].reverse()) await one.delete();
  const ids = [];
  for (const one of all) ids.push((await one.read()).id);
  await sessions.close();
  return { created, drifted, repaired, ids };
}

run().then(
  (said) => console.log(JSON.stringify(said)),
  (error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  },
);
