import { setTimeout as sleep } from "node:timers/promises";
import { dropletExec } from "../../sandbox/droplet";
import { guestStage, type Part } from "../support/context";
import { HornetStack } from "../support/stacks";
import { settle } from "../support/stage";

/** The processes of all VMMs. */
const PIDS = ["bash", "-c", "head -q -n 1 /opt/swarm/runtime/vm*/vmm.pid"];

/** An agent that prints its environment on its guest's console. */
const AGENT = 'echo "agent sees $VALUE" >/dev/console; exec sleep 1000000';

/**
 * The real CLI changes one value in the environment of running guests; compared with an `up` that finds nothing
 * to change. The measurement ends when every guest's agent has printed the new value; it checks that no VM restarted.
 */
export const change: Part = async (context, run) => {
  const { name } = await guestStage(context);
  const { options, paths, results } = context;
  const stack = new HornetStack(paths, name);
  const prepare = (at: number): Promise<void> => stack.prepare(options.guests, { VALUE: `${run}.${at}` }, AGENT);
  context.say(`another value for ${options.guests} guests`);
  await prepare(0);
  await stack.run("up");
  try {
    await settle();
    const same = async (): Promise<void> => {
      results.add("change.same", "ms", await stack.run("up", "--expect-no-changes"));
    };
    const changed = async (): Promise<void> => {
      const before = await dropletExec(name, PIDS);
      await prepare(1);
      const up = await stack.run("up");
      results.add("change.hornet", "ms", up + (await seenBy(name, options.guests, `${run}.1`)));
      const after = await dropletExec(name, PIDS);
      if (before.stdout !== after.stdout) throw new Error("a VM was started for a change of its environment");
    };
    for (const side of run % 2 === 0 ? [same, changed] : [changed, same]) await side();
  } finally {
    await stack.run("destroy");
  }
};

/** Waits until the agents of that many guests have printed the value; returns the ms that it took. */
async function seenBy(name: string, guests: number, value: string): Promise<number> {
  const count = ["bash", "-c", `grep -al 'agent sees ${value}' /opt/swarm/runtime/vm*/console.log | wc -l`];
  const begun = performance.now();
  for (let looks = 0; looks < 600; looks++) {
    const seen = Number((await dropletExec(name, count)).stdout);
    if (seen === guests) return looks === 0 ? 0 : performance.now() - begun;
    await sleep(50);
  }
  throw new Error(`not every agent of ${guests} guests has seen another value within 30 s`);
}
