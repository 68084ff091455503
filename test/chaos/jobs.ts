import type { Connection } from "../../model/connection";

/** The declared values of a test's fleet; all others have their defaults. */
export interface Declaration {
  readonly count: number;
  /** The guest's memory in MiB; another value makes another snapshot. */
  readonly memory: number;
  /** Clone 0's published ports and allowed networks. */
  readonly publish: readonly number[];
  readonly egress: readonly string[] | null;
  /** The names that all clones but clone 0 may reach. Default: the whole Internet. */
  readonly names?: readonly string[];
  /** An environment variable of every guest. */
  readonly greeting: string;
  /** The bridge's address; another value replaces the bridge under running clones. */
  readonly network: string;
  /** The tap's name; another value replaces every clone. */
  readonly tap: string;
  /** The folder of the metrics. Default: none. */
  readonly metrics?: string;
  /** Limits of the VMMs. Default: the config's. */
  readonly limits?: object;
  /** Rates of their devices. Default: the config's. */
  readonly rates?: object;
  /** Whether VMMs are restarted between operations. Default: never, or a VMM that a test ends is back before the next look. */
  readonly recovery?: "always" | "never";
  /** The clones of a second droplet, from the id {@link WEST_ID} on. Default: there is one droplet. */
  readonly west?: number;
}

/** The id of the second droplet's first clone. */
export const WEST_ID = 100;

/** The disturbance of an operation. */
export type Disturbance =
  /** `before:NAME`, `after:NAME`: the process dies there as in a crash; `fail:NAME`: that effect fails. */
  | { readonly kind: "fault"; readonly fault: string }
  /**
   * When the effect begins, or the one of that number: the operator's process, its ssh processes, or all VMMs are killed,
   * or the droplet, the last one of several, loses power. Commands on the droplet go on unaware.
   */
  | { readonly kind: Blow; readonly effect: string | number };

/** A disturbance from outside. */
export type Blow = "operator" | "ssh" | "vmm" | "power";

/** One operation on a fleet, like one run of the CLI. */
export interface Job {
  readonly verb: "up" | "destroy" | "read";
  /** One for each droplet. */
  readonly connections: readonly [Connection, ...Connection[]];
  readonly declaration: Declaration;
  /** The file of the state between operations. */
  readonly stateFile: string;
  /** The folder of the ssh_config that the fleet writes. */
  readonly sshFolder: string;
  /** The file to which the names of the effects are written. */
  readonly effectsFile?: string;
  /** The file of the trace, as HORNET_TRACE has it. */
  readonly traceFile: string;
  readonly disturbance?: Disturbance;
  /** How many resources are made at once. Default: all that wait for no other. */
  readonly parallel?: number;
}

/** One step of an operation on a resource. */
export interface Step {
  readonly operation: "create" | "update" | "replace" | "delete" | "gone";
  /** `FirecrackerVM vm0` */
  readonly resource: string;
}

/** The outcome of an operation that ended. */
export interface Outcome {
  readonly steps: readonly Step[];
  readonly errors: readonly string[];
  /** The result of each read, by resource: `as declared`, the drift messages, or `gone`. */
  readonly conditions: Readonly<Record<string, string>>;
  /** The resources that the program declared, in an up. */
  readonly declared: readonly string[];
}

/** A worker's message to the process that started it. */
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
