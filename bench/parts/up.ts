import { statSync } from "node:fs";
import { WRITE_ONCE } from "../../automation/checkpoints";
import { plainStage, reflinkStage, type Context, type Part } from "../support/context";
import { spanOf } from "../support/calls";
import { shapeOf } from "../support/shape";
import { FloorStack, HornetStack, type BenchStack } from "../support/stacks";
import { runInside, settle, SNAPSHOT, type Stage } from "../support/stage";

/** Hornet and the two floors on one droplet. */
interface Sides {
  readonly stage: Stage;
  readonly hornet: HornetStack;
  /** The same resources without properties, and with them. */
  readonly floors: { readonly floor: FloorStack; readonly loaded: FloorStack };
}

/**
 * Whole commands of the real CLI, Hornet's and those of the engine's floors, which have the same resources without and with
 * their properties: up, up with nothing to change, destroy. For the counts of `--scale` all write the state once, as
 * `npm run up` does for so many clones, on the droplet that copies disks by reference; otherwise the machine's disk would
 * dominate.
 */
export const up: Part = async (context, run) => {
  const { options } = context;
  const plain = await plainStage(context);
  for (const count of options.counts) await compare(context, run, sidesOn(context, plain, {}), count);
  if (run > 0 || options.scale.length === 0) return;
  const reflink = await reflinkStage(context);
  for (const count of options.scale.filter((one) => !options.counts.includes(one))) {
    await compare(context, run, sidesOn(context, reflink, WRITE_ONCE), count);
  }
};

function sidesOn({ paths, stages }: Context, stage: Stage, env: Readonly<Record<string, string>>): Sides {
  const floor = new FloorStack(paths, stages.folder, "floor", env);
  const loaded = new FloorStack(paths, stages.folder, "loaded", env);
  return { stage, hornet: new HornetStack(paths, stage.name, SNAPSHOT, env), floors: { floor, loaded } };
}

async function compare(context: Context, run: number, { stage, hornet, floors }: Sides, count: number): Promise<void> {
  const ours = async (): Promise<void> => {
    await hornet.prepare(count);
    await once(context, "hornet", hornet, count, async () => {
      const shape = shapeOf(hornet.state);
      for (const one of Object.values(floors)) one.setShape(count, shape);
      const calls = hornet.lastCalls();
      context.results.add(`up.span.${count}`, "ms", spanOf(calls));
      context.results.add(`up.calls.${count}`, "count", calls.length);
      context.results.add(`state.hornet.${count}`, "bytes", statSync(hornet.state).size / count);
      await repair(context, stage, hornet, count);
    });
  };
  const idle = Object.entries(floors).map(([side, stack]) => async (): Promise<void> => {
    await stack.prepare(count);
    await once(context, side, stack, count);
  });
  // Each side goes first in every other run, but Hornet in the first one: the floors get their shape from it.
  for (const side of run % 2 === 0 ? [ours, ...idle] : [...idle, ours]) await side();
  addShare(context, count);
}

async function once(
  context: Context,
  side: string,
  stack: BenchStack,
  count: number,
  whenUp?: () => Promise<void>,
): Promise<void> {
  const { results } = context;
  context.say(`up, nothing to change, destroy: ${side}, ${count} clones`);
  results.add(`up.${side}.${count}`, "ms", await stack.run("up"));
  await whenUp?.();
  await settle();
  results.add(`same.${side}.${count}`, "ms", await stack.run("up", "--expect-no-changes"));
  results.add(`destroy.${side}.${count}`, "ms", await stack.run("destroy"));
  await settle();
}

/** The number of clones that lose their VMM; one up finds and restarts them, and the others keep running. */
const DRIFTED = 10;

async function repair(context: Context, stage: Stage, hornet: HornetStack, count: number): Promise<void> {
  const drifted = Math.min(DRIFTED, count);
  context.say(`repair of ${drifted} of ${count} clones`);
  const before = await runInside(stage, "vmms.sh", ["kill", String(drifted)]);
  await settle();
  context.results.add(`repair.hornet.${count}`, "ms", await hornet.run("up"));
  const after = await runInside(stage, "vmms.sh", ["list", String(drifted)]);
  const lines = after.split("\n").slice(0, -1);
  const kept = before
    .split("\n")
    .slice(0, -1)
    .filter((line) => lines.includes(line));
  if (lines.length !== count || kept.length !== count - drifted) {
    throw new Error(`of ${count} clones ${lines.length} live after the repair of ${drifted}, ${kept.length} as before`);
  }
}

function addShare({ results }: Context, count: number): void {
  const whole = results.all[`up.hornet.${count}`]?.values.at(-1);
  if (whole !== undefined) results.add(`share.hornet.${count}`, "ms", whole / count);
}
