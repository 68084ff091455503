import { dropletExec } from "../../sandbox/droplet";
import { guestStage, type Part } from "../support/context";
import { HornetStack } from "../support/stacks";
import { settle } from "../support/stage";

/** The processes of all VMMs. */
const PIDS = ["bash", "-c", "head -q -n 1 /opt/swarm/runtime/vm*/vmm.pid"];

/**
 * One value of the environment of running guests is changed by the real CLI, and held against an `up` that finds nothing
 * to change. `up` returns when every guest has said that it has the new identity; that no VM was started for it is looked
 * at.
 */
export const change: Part = async (context, run) => {
  const { name } = await guestStage(context);
  const { options, paths, results } = context;
  const stack = new HornetStack(paths, name);
  const value = (at: number): Record<string, string> => ({ VALUE: `${run}.${at}` });
  context.say(`another value for ${options.guests} guests`);
  await stack.prepare(options.guests, value(0));
  await stack.run("up");
  try {
    await settle();
    const same = async (): Promise<void> => {
      results.add("change.same", "ms", await stack.run("up", "--expect-no-changes"));
    };
    const changed = async (): Promise<void> => {
      const before = await dropletExec(name, PIDS);
      await stack.prepare(options.guests, value(1));
      results.add("change.hornet", "ms", await stack.run("up"));
      const after = await dropletExec(name, PIDS);
      if (before.stdout !== after.stdout) throw new Error("a VM was started for a change of its environment");
    };
    for (const side of run % 2 === 0 ? [same, changed] : [changed, same]) await side();
  } finally {
    await stack.run("destroy");
  }
};
