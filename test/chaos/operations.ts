import { plainFleet, type Declaration, type Job } from "./jobs";
import type { Stage } from "./stage";

/** A kind of operation that can be cut off. */
export interface Operation {
  readonly name: string;
  readonly verb: Extract<Job["verb"], "up" | "destroy">;
  /** The fleet that the operation declares. */
  readonly target: Declaration;
  /** The fleet declared before, where the operation changes it, so that the change can be reverted. */
  readonly from?: Declaration;
  /** Prepares the droplet for the operation. */
  prepare(stage: Stage): Promise<void>;
}

/** Runs an undisturbed operation. Throws where it fails. */
export async function succeed(stage: Stage, verb: Job["verb"], declaration: Declaration): Promise<void> {
  const ended = await stage.operate(verb, declaration);
  if (ended.died) throw new Error(`${verb} died`);
  if (ended.errors.length > 0) throw new Error(`${verb} failed: ${ended.errors.join("\n")}`);
}

/** A typical change: a clone less, other rules, another snapshot. */
const changed: Declaration = { ...plainFleet, count: 1, memory: 17, publish: [80], egress: ["10.0.0.0/24"] };

/** A fleet whose metrics are collected. */
const counted: Declaration = { ...plainFleet, metrics: "/opt/swarm/textfile" };

/** A fleet whose clones may reach some names alone. A pattern: the name server asks for a plain name at once. */
const named: Declaration = { ...plainFleet, names: ["*.chaos.test:443/tcp"], egress: ["*.other.test", "10.0.0.0/24"] };

function changing(name: string, from: Declaration, target: Declaration): Operation {
  return { name, verb: "up", from, target, prepare: (stage) => succeed(stage, "up", from) };
}

/** The operations whose every effect is a fault point. */
export const operations: readonly Operation[] = [
  { name: "first up", verb: "up", target: plainFleet, prepare: () => Promise.resolve() },
  changing("change", plainFleet, changed),
  changing("new identity", plainFleet, { ...plainFleet, greeting: "good-bye" }),
  changing("other limits", plainFleet, {
    ...plainFleet,
    limits: { cpus: 2, pids: 100 },
    rates: { disk: { operations: 500 } },
  }),
  changing("another network", plainFleet, { ...plainFleet, network: "10.7.0.1/24" }),
  changing("replacement", plainFleet, { ...plainFleet, tap: "tap7" }),
  changing("scale up", { ...plainFleet, count: 1 }, plainFleet),
  {
    name: "repair after a reboot",
    verb: "up",
    target: plainFleet,
    prepare: async (stage: Stage): Promise<void> => {
      await succeed(stage, "up", plainFleet);
      await stage.reboot();
    },
  },
  changing("metrics asked for", { ...plainFleet, count: 1 }, counted),
  changing("recovery asked for", { ...plainFleet, count: 1 }, { ...plainFleet, recovery: "always" }),
  changing("metrics elsewhere", counted, { ...counted, metrics: "/opt/swarm/textfile/deeper" }),
  changing("names asked for", { ...plainFleet, count: 1 }, named),
  changing("names no more", named, { ...plainFleet, count: 1 }),
  { name: "destroy", verb: "destroy", target: plainFleet, prepare: (stage) => succeed(stage, "up", plainFleet) },
];

/** A fleet on two droplets. */
const spread: Declaration = { ...plainFleet, count: 1, west: 1 };

/** The same on one of them. */
const withoutWest: Declaration = { ...plainFleet, count: 1 };

/** The same for a stack with two droplets. */
export const severalOperations: readonly Operation[] = [
  { name: "first up", verb: "up", target: spread, prepare: () => Promise.resolve() },
  changing("another snapshot", spread, { ...spread, memory: 17 }),
  changing("a droplet joins", withoutWest, spread),
  changing("a droplet goes", spread, withoutWest),
  changing("recovery asked for", spread, { ...spread, recovery: "always" }),
  { name: "destroy", verb: "destroy", target: spread, prepare: (stage) => succeed(stage, "up", spread) },
];
