import { connect } from "node:net";
import { isLocal } from "../../model/connection";
import { Sessions } from "../../host/session/sessions";
import { providersOf, type Kind } from "../../providers/kinds";
import { Operation } from "../../providers/operation/operation";
import { median } from "../report/measurements";
import { plainStage, type Context, type Part } from "../support/context";
import { GUEST, OWNER, TAP } from "../support/fleet";
import { buildWorld, endWorld, guestIn } from "../../test/support/networkWorld";
import { runScript } from "../../test/support/scratchDroplet";
import { runInside, settle, type Stage } from "../support/stage";

/** How often a guest resolves a name and connects, and how often the droplet's sshd is asked, for one value. */
const TIMES = 40;
/** Seconds of a flood; longer than what is measured beside it. */
const FLOOD = 8;

/** The clones, by the last byte of their addresses: one with the Internet, one with a name, and one that floods. */
const CLONES = { vm7: 9, vm8: 10, vm9: 11 } as const;
const NAMED = ["api.test"];

/**
 * What a guest reaches: how long it takes to resolve a name and to connect, with `egress: [internet]` and a name server of the
 * Internet, and with a name as egress through the droplet's own; and the first again while another clone floods, as well as the
 * greeting of the droplet's sshd. The guests are namespaces in the place of what is behind a tap.
 */
export const reach: Part = async (context, run) => {
  const stage = await plainStage(context);
  const world = (...args: string[]): Promise<string> => runInside(stage, "world.sh", args);
  const inside = { run: (script: string) => runScript(stage.name, script) };
  const undo: (() => Promise<unknown>)[] = [() => world("end"), () => endWorld(inside)];
  const sessions = new Sessions();
  try {
    await buildWorld(inside);
    await world("begin");
    await clones(stage, sessions, undo);
    for (const name of Object.keys(CLONES)) await guestIn(inside, name, `guest-${name}`);
    await measure(context, run, stage, world);
  } finally {
    for (const one of undo.reverse()) await one();
    await sessions.close();
    await settle();
  }
};

/** Makes the bridge, the clones' networks and the name server; `undo` gets what removes them. */
async function clones(stage: Stage, sessions: Sessions, undo: (() => Promise<unknown>)[]): Promise<void> {
  const providers = providersOf(new Operation(sessions));
  const removers = providersOf(new Operation(sessions));
  const common = { droplet: stage.connection, owner: OWNER, runtimeDir: "/opt/swarm/runtime" };
  const make = async (kind: Kind, inputs: object): Promise<void> => {
    const made = await providers[kind].create({ ...common, ...inputs });
    undo.push(async () => removers[kind].delete?.(made.id, made.outs as object));
  };
  await make("Bridge", { name: "br0", address: "10.0.0.1/24" });
  for (const [namespace, last] of Object.entries(CLONES)) {
    const address = `10.0.0.${last}`;
    const hostVeth = `veth${last}h`;
    const own = { namespace, bridge: "br0", hostVeth, address: `${address}/24`, gateway: "10.0.0.1" };
    await make("CloneNamespace", { ...own, ...TAP });
    const egress = namespace === "vm8" ? { egress: NAMED, nameservers: ["192.168.241.1"] } : {};
    await make("NatRuleSet", { namespace, address, guestAddress: GUEST, bridgeAddress: "10.0.0.1/24", ...egress });
  }
  const policies = [{ clones: [`10.0.0.${CLONES.vm8}`], egress: NAMED }];
  await make("NameServer", { bridge: "br0", address: "10.0.0.1", policies });
}

async function measure(
  context: Context,
  run: number,
  stage: Stage,
  world: (...args: string[]) => Promise<string>,
): Promise<void> {
  const { results } = context;
  const ask = async (series: string, clone: string, server: string): Promise<void> => {
    const micros = (await world("ask", clone, server, String(TIMES))).trim().split("\n").map(Number);
    results.add(series, "ms", median(micros) / 1000);
  };
  const direct = (series: string): Promise<void> => ask(series, "vm7", "192.0.2.2");
  context.say("a guest resolves and connects, with and without names as egress");
  const sides = [() => direct("reach.direct"), () => ask("reach.names", "vm8", "192.168.241.1")];
  for (const side of run % 2 === 0 ? sides : sides.reverse()) await side();
  context.say("a guest and the droplet's sshd, beside a clone that floods");
  await direct("reach.quiet");
  results.add("reach.ssh.quiet", "ms", await sshGreeting(stage));
  const flood = world("flood", "vm9", String(FLOOD));
  await direct("reach.flood");
  results.add("reach.ssh.flood", "ms", await sshGreeting(stage));
  await flood;
}

/** The median ms from a connection attempt to the first word of the droplet's sshd. */
async function sshGreeting({ connection }: Stage): Promise<number> {
  if (isLocal(connection)) throw new Error("the bench's droplet has no sshd");
  const took: number[] = [];
  for (let time = 0; time < TIMES; time++) {
    const begun = performance.now();
    await new Promise<void>((done, fail) => {
      const socket = connect({ host: connection.host, port: connection.port });
      socket.once("error", fail);
      socket.once("data", () => {
        socket.destroy();
        done();
      });
    });
    took.push(performance.now() - begun);
  }
  return median(took);
}
