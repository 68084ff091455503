import { WRITE_ONCE } from "../../automation/checkpoints";
import { reflinkStage, type Part } from "../support/context";
import { HornetStack } from "../support/stacks";
import { settle, SNAPSHOT } from "../support/stage";

/** One clone added to running fleets of several sizes: the whole `up`, which writes the state once. */
export const add: Part = async (context) => {
  const { paths, options, results } = context;
  const stage = await reflinkStage(context);
  for (const count of options.add) {
    const stack = new HornetStack(paths, stage.name, SNAPSHOT, WRITE_ONCE);
    context.say(`one clone added to ${count}`);
    await stack.prepare(count);
    await stack.run("up");
    await settle();
    await stack.prepare(count + 1);
    results.add(`add.hornet.${count}`, "ms", await stack.run("up"));
    await stack.run("destroy");
    await settle();
  }
};
