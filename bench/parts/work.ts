import { putInside, runInside, settle, SNAPSHOT, type Stage } from "../support/stage";
import { plainStage, type Context, type Part } from "../support/context";
import { drive } from "../support/drives";

/**
 * Work on the droplet, side by side: the archive's script by its own clock, and Hornet's providers without the engine,
 * from the first to the last call on the droplet. Both start from the same files, on the same droplet.
 */
export const work: Part = async (context, run) => {
  const { options, results } = context;
  const stage = await plainStage(context);
  for (const count of options.counts) {
    context.say(`work on the droplet, ${count} clones`);
    const sides = [() => scriptOnce(context, stage, count), () => hornetOnce(context, stage, count)];
    // Each side goes first in every other run.
    for (const side of run % 2 === 0 ? sides : sides.reverse()) {
      await side();
      await settle();
    }
  }
  const waiting = options.counts.filter((count) => results.all[`work.hornet.${count}`] === undefined);
  if (waiting.length > 0) throw new Error(`nothing was measured for ${waiting.join(", ")} clones`);
};

/**
 * The CPU time that all processes of the droplet have used, with their children that have ended, in ms: columns 14 to 17 of
 * /proc/PID/stat (proc(5)). The first process of the droplet adopts and reaps what a call leaves behind.
 */
const CPU = `cat /proc/[0-9]*/stat 2>/dev/null | sed 's/.*) //' |
  awk -v ticks="$(getconf CLK_TCK)" '{ sum += $12 + $13 + $14 + $15 } END { print sum * 1000 / ticks }'`;

async function hornetOnce({ results }: Context, stage: Stage, count: number): Promise<void> {
  const { create, destroy, inspected } = await drive({
    droplet: stage.connection,
    count,
    source: { path: SNAPSHOT },
    firecracker: "/usr/bin/firecracker",
    readyTimeout: 0,
    inspect: CPU,
  });
  const [before = NaN, after = NaN] = inspected.map(Number);
  results.add(`work.hornet.${count}`, "ms", create);
  results.add(`work.cpu.${count}`, "ms", (after - before) / count);
  results.add(`work.destroy.${count}`, "ms", destroy);
}

async function scriptOnce({ options, results }: Context, stage: Stage, count: number): Promise<void> {
  if (options.baseline === undefined) return;
  const said = await runInside(stage, "script.sh", [putInside(stage, options.baseline), String(count)]);
  const [, made, wanted, ms] = /Success: (\d+)\/(\d+) VMs in (\d+)ms/.exec(said) ?? [];
  const [, kib] = /^(\d+)\s+total$/m.exec(said) ?? [];
  if (made !== String(count) || wanted !== made || kib === undefined) {
    throw new Error(`${options.baseline} did not make ${count} clones; it said at its end:\n${said}`);
  }
  results.add(`work.script.${count}`, "ms", Number(ms));
  if (count === options.counts[0]) results.add("bytes.script", "bytes", (Number(kib) * 1024) / count);
}
