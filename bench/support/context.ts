import type { Paths } from "../../automation/cli";
import type { BenchOptions } from "../options";
import type { Measurements } from "../report/measurements";
import { makeSnapshot, type Stage, type Stages } from "./stage";

/** The set-up's results, with the VMMs that the bench needs. */
export interface BenchPaths extends Paths {
  /** The stand-in that runs real guests under emulation. */
  readonly firecracker: string;
  /** The stub, which answers at once and runs no guest. */
  readonly firecrackerStub: string;
}

/** The arguments of a part of the bench. */
export interface Context {
  readonly options: BenchOptions;
  readonly paths: BenchPaths;
  readonly stages: Stages;
  readonly results: Measurements;
  /** Prints on stderr what is measured now. */
  say(what: string): void;
}

/** Measures one thing once; `run` counts from 0. */
export type Part = (context: Context, run: number) => Promise<void>;

/** The droplet with the VMM stub and the snapshot that both sides use. */
export function plainStage({ stages, paths, options }: Context): Promise<Stage> {
  return stages.get({ name: "plain", firecracker: paths.firecrackerStub, reflink: false }, (stage) =>
    makeSnapshot(stage, options.size, options.fill),
  );
}

/** The same on a file system that copies files by reference. */
export function reflinkStage({ stages, paths, options }: Context): Promise<Stage> {
  return stages.get({ name: "reflink", firecracker: paths.firecrackerStub, reflink: true }, (stage) =>
    makeSnapshot(stage, options.size, options.fill),
  );
}

/** The droplet with the VMM stand-in, which runs guests. */
export function guestStage({ stages, paths }: Context): Promise<Stage> {
  return stages.get({ name: "guests", firecracker: paths.firecracker, reflink: true });
}
