import { plainFleet, type Declaration, type Job } from "./jobs";
import type { Stage } from "./stage";

/** A kind of operation that can be cut off. */
export interface Operation {
  readonly name: string;
  readonly verb: Extract<Job["verb"], "up" | "destroy">;
  /** What the operation is to reach. */
  readonly target: Declaration;
  /** Brings the droplet to where the operation starts from. */
  prepare(stage: Stage): Promise<void>;
}

/** Runs an operation that nothing disturbs. Throws where it fails. */
export async function succeed(stage: Stage, verb: Job["verb"], declaration: Declaration): Promise<void> {
  const ended = await stage.operate(verb, declaration);
  if (ended.died) throw new Error(`${verb} died`);
  if (ended.errors.length > 0) throw new Error(`${verb} failed: ${ended.errors.join("\n")}`);
}

/** A change of what most changes are about: a clone less, other rules, another snapshot. */
const changed: Declaration = { ...plainFleet, count: 1, memory: 17, publish: [80], egress: ["10.0.0.0/24"] };

/** A fleet whose metrics are collected. */
const counted: Declaration = { ...plainFleet, metrics: "/opt/swarm/textfile" };

/** The operations whose every effect is a fault point. */
export const operations: readonly Operation[] = [
  { name: "first up", verb: "up", target: plainFleet, prepare: () => Promise.resolve() },
  { name: "change", verb: "up", target: changed, prepare: (stage) => succeed(stage, "up", plainFleet) },
  {
    name: "new identity",
    verb: "up",
    target: { ...plainFleet, greeting: "good-bye" },
    prepare: (stage) => succeed(stage, "up", plainFleet),
  },
  {
    name: "another network",
    verb: "up",
    target: { ...plainFleet, network: "10.7.0.1/24" },
    prepare: (stage) => succeed(stage, "up", plainFleet),
  },
  {
    name: "replacement",
    verb: "up",
    target: { ...plainFleet, tap: "tap7" },
    prepare: (stage) => succeed(stage, "up", plainFleet),
  },
  {
    name: "scale up",
    verb: "up",
    target: plainFleet,
    prepare: (stage) => succeed(stage, "up", { ...plainFleet, count: 1 }),
  },
  {
    name: "repair after a reboot",
    verb: "up",
    target: plainFleet,
    prepare: async (stage: Stage): Promise<void> => {
      await succeed(stage, "up", plainFleet);
      await stage.reboot();
    },
  },
  {
    name: "metrics asked for",
    verb: "up",
    target: counted,
    prepare: (stage) => succeed(stage, "up", { ...plainFleet, count: 1 }),
  },
  {
    name: "metrics elsewhere",
    verb: "up",
    target: { ...counted, metrics: "/opt/swarm/textfile/deeper" },
    prepare: (stage) => succeed(stage, "up", counted),
  },
  { name: "destroy", verb: "destroy", target: plainFleet, prepare: (stage) => succeed(stage, "up", plainFleet) },
];
