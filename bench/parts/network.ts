import { plainStage, type Part } from "../support/context";
import { drive } from "../support/drives";
import { spanOf } from "../support/calls";
import { kernelTexts } from "../support/floorTexts";
import { runInside, settle, SNAPSHOT, type Stage } from "../support/stage";

/** The number of clones in the mean of one value. */
const CLONES = 10;

const NETWORK_CALLS = new Set(["converge_namespace", "apply_rules"]);

/**
 * The network of one clone after the other: Hornet over ssh, with labels and reads, and the same kernel
 * objects by three plain commands in an existing shell.
 */
export const network: Part = async (context, run) => {
  const { results } = context;
  const stage = await plainStage(context);
  context.say("network of one clone");
  const sides = [
    async () => results.add("network.hornet", "ms", await hornetOnce(stage)),
    async () => results.add("network.floor", "ms", await floorOnce(stage)),
  ];
  for (const side of run % 2 === 0 ? sides : sides.reverse()) {
    await side();
    await settle();
  }
};

async function hornetOnce(stage: Stage): Promise<number> {
  const { calls } = await drive({
    droplet: stage.connection,
    count: CLONES,
    source: { path: SNAPSHOT },
    firecracker: "/usr/bin/firecracker",
    readyTimeout: 0,
    networkOnly: true,
  });
  return spanOf(calls.filter(({ run }) => NETWORK_CALLS.has(run))) / CLONES;
}

async function floorOnce(stage: Stage): Promise<number> {
  const said = await runInside(stage, "floor.sh", [String(CLONES)], kernelTexts(CLONES));
  const micros = said.split("\n").filter((line) => line !== "");
  if (micros.length !== CLONES)
    throw new Error(`the kernel floor was measured ${micros.length} times, not ${CLONES}:\n${said}`);
  return micros.reduce((sum, one) => sum + Number(one), 0) / CLONES / 1000;
}
