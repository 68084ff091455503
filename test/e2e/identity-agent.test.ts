/** The agent: put into the guest by Hornet, started when its clone is itself, told of every change. */
import { resolve } from "node:path";
import { withAgentServer } from "../support/agentServer";
import { limitMs, looks } from "../support/settings";
import { World } from "../support/world";

jest.setTimeout(limitMs(1200));

let world: World;
afterEach(() => world.end());

const example = resolve(__dirname, "../../examples/agent");
const pids = "head -n 1 -q /opt/swarm/runtime/*/vmm.pid";

test("each agent asks with its own identity, address and environment, and never with another", async () => {
  world = await World.begin();
  const clones = ["vm0", "vm1", "vm2"];
  await world.configure({
    "hornet:bridge.services[0]": "8080/tcp",
    "hornet:agent.source": example,
    "hornet:agent.command": "exec ./agent",
    "hornet:agent.env.API_URL": "http://10.0.0.1:8080/poll",
    "hornet:agent.env.POLL_INTERVAL": 1,
    "hornet:identity.env.API_KEY": "of all",
    "hornet:clones.1.identity.env.API_KEY": "of vm1 alone",
  });
  await withAgentServer(world, 8080, async (server) => {
    await world.npm("up");
    const seen = await server.until((all) => clones.every((clone) => all.some(({ id }) => id === clone)));
    const kinds = (list: typeof seen): string[] =>
      [...new Set(list.map(({ id, from, key }) => `${id} ${from} ${key}`))].sort();
    expect(kinds(seen)).toEqual(["vm0 10.0.0.2 of all", "vm1 10.0.0.3 of vm1 alone", "vm2 10.0.0.4 of all"]);

    // Its key is in no argument list of the guest, and in the environment of its own process only.
    expect(await world.in("vm0", "cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -c 'o[f] all' || :")).toBe("0");
    expect(await world.in("vm0", "stat -c '%a %U' /etc/swarm-env /opt/hornet-agent/agent")).toBe("600 root\n755 root");

    // A changed value: the agents start again, nothing else does.
    const running = await world.onDroplet(pids);
    await world.configure({ "hornet:identity.env.API_KEY": "changed" });
    await world.npm("up");
    await server.forget();
    const after = await server.until((all) => clones.every((clone) => all.some(({ id }) => id === clone)));
    expect(kinds(after)).toEqual(["vm0 10.0.0.2 changed", "vm1 10.0.0.3 of vm1 alone", "vm2 10.0.0.4 changed"]);
    expect(await world.onDroplet(pids)).toBe(running);
    expect(await world.processesIn("vm0", "[.]/agent")).toBe(1);

    // An agent that ends starts again; one that may not, does not.
    // The first of them: the others are parts of a pipe that it is in.
    await world.in("vm0", "kill $(pidof agent | tr ' ' '\\n' | sort -n | head -n 1)");
    await server.forget();
    await server.until((all) => all.some(({ id }) => id === "vm0"));
    await world.configure({ "hornet:agent.command": "exit 0", "hornet:agent.restart": "never" });
    await world.npm("up");
    expect(await world.onDroplet(pids)).toBe(running);
    // The service looks after its children every few seconds.
    await world.in(
      "vm0",
      `for try in $(seq ${looks(30)}); do ps | grep -q '[r]un-agent' || exit 0; sleep 1; done; exit 1`,
    );
  });
});
