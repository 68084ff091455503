import { reflinkStage, type Part } from "../support/context";
import { HornetStack } from "../support/stacks";
import { settle, SNAPSHOT } from "../support/stage";

/** Whole `up`s of jailed and of unjailed clones, one right after the other; see `hornet:vmm.jailer`. */
export const jail: Part = async (context, run) => {
  const { paths, options, results } = context;
  const stage = await reflinkStage(context);
  const jailed = new HornetStack(paths, stage.name, SNAPSHOT);
  const unjailed = new HornetStack(paths, stage.name, SNAPSHOT, {}, { "hornet:vmm": { jailer: "off" } });
  const sides = [["jailed", jailed] as const, ["unjailed", unjailed] as const];
  for (const count of options.counts) {
    // Each side goes first in every other run.
    for (const [side, stack] of run % 2 === 0 ? sides : [...sides].reverse()) {
      context.say(`up of ${count} clones, ${side}`);
      await stack.prepare(count);
      results.add(`jail.${side}.${count}`, "ms", await stack.run("up"));
      await settle();
      await stack.run("destroy");
      await settle();
    }
  }
};
