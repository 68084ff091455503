import type { Connection } from "../../model/connection";

/** What of a fleet a test declares; the rest is at its default. */
export interface Declaration {
  readonly count: number;
  /** The guest's memory in MiB: another one is another snapshot. */
  readonly memory: number;
  /** Clone 0's published ports and allowed networks. */
  readonly publish: readonly number[];
  readonly egress: readonly string[] | null;
  /** An environment variable of every guest. */
  readonly greeting: string;
  /** The bridge's address: with another one it is replaced under clones that live on. */
  readonly network: string;
  /** The tap's name: with another one every clone is replaced. */
  readonly tap: string;
  /** Where metrics are collected into. Default: they are not. */
  readonly metrics?: string;
  /** Limits of the VMMs. Default: the config's. */
  readonly limits?: object;
}

/** How an operation is disturbed. */
export type Disturbance =
  /** `before:NAME`, `after:NAME`: the process dies there as in a crash; `fail:NAME`: that effect fails. */
  | { readonly kind: "fault"; readonly fault: string }
  /**
   * When the effect begins, or the one of that number: the operator's process, its ssh processes, or all VMMs are killed,
   * or the droplet loses power. What is at work on the droplet is not told.
   */
  | { readonly kind: Blow; readonly effect: string | number };

/** What hits an operation from outside. */
export type Blow = "operator" | "ssh" | "vmm" | "power";

/** One operation on a fleet, as one run of the CLI would be. */
export interface Job {
  readonly verb: "up" | "destroy" | "read";
  readonly connection: Connection;
  readonly declaration: Declaration;
  /** Where the state is kept between operations. */
  readonly stateFile: string;
  /** The folder of the ssh_config that the fleet writes. */
  readonly sshFolder: string;
  /** Where the names of the effects are written as they come. */
  readonly effectsFile?: string;
  /** Where each call on the droplet is written, as HORNET_TRACE has it. */
  readonly traceFile: string;
  readonly disturbance?: Disturbance;
}

/** One thing that an operation did to a resource. */
export interface Step {
  readonly operation: "create" | "update" | "replace" | "delete" | "gone";
  /** `FirecrackerVM vm0` */
  readonly resource: string;
}

/** What became of an operation that came to an end. */
export interface Outcome {
  readonly steps: readonly Step[];
  readonly errors: readonly string[];
  /** What reading found, by resource: `as declared`, the drift in words, or `gone`. */
  readonly conditions: Readonly<Record<string, string>>;
  /** The resources that the program declared, in an up. */
  readonly declared: readonly string[];
}

/** What a worker says to the process that started it. */
export type WorkerMessage = { readonly kind: "power" | "vmm" } | { readonly kind: "done"; readonly outcome: Outcome };

/** A fleet of two with nothing special. */
export const plainFleet: Declaration = {
  count: 2,
  memory: 16,
  publish: [],
  egress: null,
  greeting: "hello",
  network: "10.0.0.1/24",
  tap: "tap0",
};
