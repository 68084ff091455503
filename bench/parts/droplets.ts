import { WRITE_ONCE } from "../../automation/checkpoints";
import type { StartOptions } from "../../sandbox/droplet";
import type { Context, Part } from "../support/context";
import { HornetStack } from "../support/stacks";
import { makeSnapshot, settle, SNAPSHOT, type Stage } from "../support/stage";

/** MiB. All simulated droplets share this machine's disk and cores, so that large files would say more about those. */
const SIZE = 16;

/**
 * Whole commands of the real CLI on a stack with several droplets, and on one with as many clones on one droplet. Each droplet
 * has the snapshot's folder. The state is written once, as `npm run up` has it. Measured once.
 */
export const droplets: Part = async (context, run) => {
  const { options, stages } = context;
  if (run > 0 || options.droplets === undefined) return;
  const { count, each } = options.droplets;
  // The stack `local` of the other parts has one droplet.
  await stages.clear();
  try {
    const one = await stageOf(context, "one");
    await once(context, "one", one.name, count * each);
    await stages.clear();
    const many: Record<string, { simulated: string; count: number }> = {};
    for (let at = 1; at <= count; at += 1) {
      const { name } = await stageOf(context, `many${at}`);
      many[name] = { simulated: name, count: each };
    }
    await once(context, "many", many, count * each);
  } finally {
    await stages.clear();
  }
};

function stageOf({ stages, paths, options }: Context, name: string): Promise<Stage> {
  const start: StartOptions = { name, firecracker: paths.firecrackerStub, reflink: true };
  return stages.get(start, (stage) => makeSnapshot(stage, SIZE, options.fill));
}

async function once(
  context: Context,
  side: string,
  droplet: string | Readonly<Record<string, object>>,
  clones: number,
): Promise<void> {
  const { paths, results } = context;
  const stack = new HornetStack(paths, droplet, SNAPSHOT, WRITE_ONCE);
  await stack.prepare(clones);
  context.say(
    `up, nothing to change, destroy: ${clones} clones on ${typeof droplet === "string" ? "one droplet" : "several"}`,
  );
  results.add(`droplets.up.${side}`, "ms", await stack.run("up"));
  await settle();
  results.add(`droplets.same.${side}`, "ms", await stack.run("up", "--expect-no-changes"));
  results.add(`droplets.destroy.${side}`, "ms", await stack.run("destroy"));
  await settle();
}
