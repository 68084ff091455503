/**
 * `npm run chaos [-- --seed N] [--steps N] [--only PART …] [--operation NAME …]`: cuts every operation off at each effect
 * on the droplet, disturbs it from outside, causes every drift, and walks at random; after each, one up must
 * converge to the present or the former declaration, and one destroy must leave nothing. Prints figures; the exit code
 * is 1 where anything failed.
 */
import { parseArgs } from "node:util";
import { messageOf } from "../../host/errors";
import { fleet, tryDestroy, tryDrift } from "../drift/check";
import { drifts } from "../drift/table";
import { clears } from "./converge";
import { disturbances } from "./disturb";
import { allPoints, chosenOperations, thinned, tryAll, type Failure } from "./faults";
import { describeKeeperPoint, keeperPoints, tryKeeperPoint } from "./keeper";
import { operations, severalOperations, succeed, type Operation } from "./operations";
import { describePoint, effectsOfAll } from "./points";
import { Random } from "./random";
import { Stage, type Place } from "./stage";
import { Walk } from "./walk";

/** One part of the run, for the table at its end. */
interface Figure {
  readonly part: string;
  readonly figures: string;
  readonly failures: readonly Failure[];
  /** Seconds. */
  readonly seconds: number;
}

const DISTURBANCES = 60;

const say = (line: string): void => console.log(line);

/** The parts of a run, from which `--only` chooses. */
const PARTS = ["points", "several", "keeper", "drifts", "disturbances", "walk"] as const;
type Part = (typeof PARTS)[number];

/** The command's exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: "string", default: "1" },
      steps: { type: "string", default: "200" },
      operation: { type: "string", multiple: true, default: [] },
      only: { type: "string", multiple: true, default: [] },
      point: { type: "string" },
      times: { type: "string", default: "1" },
    },
  });
  const unknown = values.only.find((part) => !PARTS.some((one) => one === part));
  if (unknown !== undefined) throw new Error(`there is no part ${unknown}: ${PARTS.join(", ")}`);
  const strange = values.operation.find(
    (name) => ![...operations, ...severalOperations].some((one) => one.name === name),
  );
  if (strange !== undefined) throw new Error(`there is no operation ${strange}`);
  const [seed, steps] = [Number(values.seed), Number(values.steps)];
  const repetition = { part: values.point, times: Number(values.times), seed };
  const runs: Readonly<Record<Part, () => Promise<Figure[]>>> = {
    points: () => on("inside", (stage) => points(stage, chosenOperations(operations, values.operation), repetition)),
    several: () =>
      on("several", (stage) => points(stage, chosenOperations(severalOperations, values.operation), repetition)),
    keeper: async () => [await on("inside", (stage) => timed("restarts by the keeper", () => keeper(stage)))],
    drifts: async () => [await on("inside", (stage) => timed("drifts", () => everyDrift(stage)))],
    disturbances: async () => [await on("outside", (stage) => timed("disturbances", () => disturb(stage, seed)))],
    walk: async () => [await on("outside", (stage) => timed("random walk", () => walk(stage, seed, steps)))],
  };
  const chosen = PARTS.filter((part) => values.only.length === 0 || values.only.includes(part));
  const figures: Figure[] = [];
  for (const part of chosen) figures.push(...(await runs[part]()));
  return tell(figures);
}

/** @param part of the words of a point; without it, all are tried */
async function points(
  stage: Stage,
  chosenOnes: readonly Operation[],
  { part = "", times, seed }: { readonly part: string | undefined; readonly times: number; readonly seed: number },
): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const operation of chosenOnes) {
    const where = stage.place === "several" ? ", two droplets" : "";
    figures.push(
      await timed(`fault points of ${operation.name}${where}`, async () => {
        const all = await allPoints(stage, operation);
        // A point on two droplets takes five seconds.
        const some = stage.place === "several" ? thinned(all, new Random(seed)) : all;
        const chosen = some.filter((point) => describePoint(point).includes(part));
        const repeated = Array.from({ length: times }, () => chosen).flat();
        const { effects, tried, failures } = await tryAll(stage, operation.name, repeated, say);
        return { figures: `${effects} effects, ${tried} points, ${tried - failures.length} converge`, failures };
      }),
    );
  }
  return figures;
}

async function disturb(stage: Stage, seed: number): Promise<Pick<Figure, "figures" | "failures">> {
  const chosen = await disturbances(stage, DISTURBANCES, new Random(seed));
  const { tried, failures } = await tryAll(stage, "disturbances", chosen, say);
  return { figures: `${tried} tried (seed ${seed}), ${tried - failures.length} converge`, failures };
}

async function keeper(stage: Stage): Promise<Pick<Figure, "figures" | "failures">> {
  const failures: Failure[] = [];
  const all = await keeperPoints(stage);
  for (const [at, point] of all.entries()) {
    const wrong = await tryKeeperPoint(stage, point);
    if (wrong.length > 0) failures.push({ point: describeKeeperPoint(point), wrong });
    const outcome = wrong.length === 0 ? "ok" : `FAILED\n  ${wrong.join("\n  ")}`;
    say(`${at + 1}/${all.length} ${describeKeeperPoint(point)}: ${outcome}`);
  }
  return { figures: `${all.length} points, ${all.length - failures.length} converge`, failures };
}

async function everyDrift(stage: Stage): Promise<Pick<Figure, "figures" | "failures">> {
  const failures: Failure[] = [];
  const note = async (point: string, work: Promise<string[]>): Promise<void> => {
    const wrong = await work.catch((error: unknown) => [messageOf(error)]);
    say(`${point}: ${wrong.length === 0 ? "ok" : `FAILED\n  ${wrong.join("\n  ")}`}`);
    if (wrong.length === 0) return;
    failures.push({ point, wrong });
    await stage.wipe();
  };
  for (const drift of drifts) {
    await succeed(stage, "up", fleet);
    await note(`${drift.kind}, then up`, tryDrift(stage, drift));
  }
  await note("destroy after all of them", clears(stage, fleet));
  for (const drift of drifts) await note(`${drift.kind}, then destroy`, tryDestroy(stage, drift));
  return { figures: `${drifts.length} kinds, each with up and with destroy, ${failures.length} fail`, failures };
}

async function walk(stage: Stage, seed: number, steps: number): Promise<Pick<Figure, "figures" | "failures">> {
  const effects = await effectsOfAll(stage, operations);
  const walked = await new Walk(stage, new Random(seed), effects, say).go(steps);
  const end = walked.wrong.length === 0 ? "leaves nothing" : "FAILED";
  return {
    figures: `${walked.steps} of ${steps} steps (seed ${seed}), ${walked.checks} checks, ${end}`,
    failures: walked.wrong.length === 0 ? [] : [{ point: `seed ${seed}`, wrong: walked.wrong }],
  };
}

async function timed(part: string, work: () => Promise<Pick<Figure, "figures" | "failures">>): Promise<Figure> {
  const begun = Date.now();
  const done = await work();
  return { part, ...done, seconds: Math.round((Date.now() - begun) / 1000) };
}

async function on<T>(place: Place, work: (stage: Stage) => Promise<T>): Promise<T> {
  const stage = await Stage.open(place);
  try {
    return await work(stage);
  } finally {
    await stage.close();
  }
}

function tell(figures: readonly Figure[]): number {
  const failures = figures.flatMap((figure) => figure.failures);
  for (const { point, wrong } of failures) console.log(`\nFAILED: ${point}\n  ${wrong.join("\n  ")}`);
  const width = Math.max(...figures.map(({ part }) => part.length));
  console.log("");
  for (const { part, figures: text, seconds } of figures) {
    console.log(`${part.padEnd(width)}  ${`${seconds} s`.padStart(6)}  ${text}`);
  }
  console.log(`${"".padEnd(width)}          ${failures.length === 0 ? "all well" : `${failures.length} failed`}`);
  return failures.length === 0 ? 0 : 1;
}
