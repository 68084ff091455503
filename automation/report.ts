/** A fleet at one moment: what the state records, what the droplets show, and what differs. */
import { splitDrift, type Drift } from "./events";
import { DROPLET_ALIAS } from "../model/names";
import { askDroplets, type LiveDroplet, type Usage } from "./live";
import type { FleetStack } from "./stack";
import type { DeclaredFleet } from "./size";
import type { FleetClone, FleetState } from "./state";

/** One clone in a report. */
export interface ReportedClone extends FleetClone {
  /** `unknown`: its droplet does not answer, or does not know it. */
  readonly state: "running" | "ended" | "unknown";
  /** undefined unless its VMM runs. */
  readonly usage?: Omit<Usage, "alive">;
  /** The differences from the declaration, in words. */
  readonly drift: readonly string[];
  /** How often the recovery keeper restarted its VMM since the last operation, and why; empty if it did not. */
  readonly restarts: string;
}

/** One droplet in a report. */
export interface ReportedDroplet {
  readonly name: string;
  /** Its key in `hornet:droplets`, or `droplet`. */
  readonly alias: string;
  /** Why it could not be asked; empty if it was. */
  readonly error: string;
  /** The operation that works on it now; empty if none does. */
  readonly operation: string;
  readonly snapshot: string;
  readonly generations: readonly string[];
  /** Drift of what belongs to no clone. */
  readonly drift: readonly string[];
  readonly clones: readonly ReportedClone[];
}

/** See {@link fleetReport}. */
export interface FleetReport {
  readonly stack: string;
  /** ISO 8601. */
  readonly at: string;
  /** Whether drift was looked for, on the droplets that could be asked; not while an operation works on one. */
  readonly compared: boolean;
  readonly droplets: readonly ReportedDroplet[];
  /** ms until ready of each clone's last start; percentiles by nearest rank. */
  readonly ready: { readonly clones: number; readonly p50: number; readonly p95: number; readonly p99: number };
}

/**
 * Reads a fleet: its state and its droplets, and its drift unless an operation runs.
 *
 * @param compare whether to look for drift, which takes seconds
 */
export async function fleetReport(stack: FleetStack, { compare = true } = {}): Promise<FleetReport> {
  const state = await stack.state();
  const live = await askDroplets(state.droplets);
  const compared = compare && live.every(({ lock }) => lock === "") && live.some(({ error }) => error === "");
  const { drift } = splitDrift(compared ? await stack.drift() : []);
  return reportOf(stack.name, state, live, { drift, compared, declared: stack.fleets });
}

/** What a report has beside the state and the droplets' answers. */
export interface Differences {
  readonly drift: readonly Drift[];
  readonly compared: boolean;
  /** The fleets of the stack's config: what no operation has made yet differs from the declaration too. */
  readonly declared?: readonly DeclaredFleet[];
}

/** Composes a report. */
export function reportOf(
  stack: string,
  { droplets, clones }: FleetState,
  live: readonly LiveDroplet[],
  { drift, compared, declared = [] }: Differences,
): FleetReport {
  const words = (clone: string): string[] => drift.filter((one) => one.clone === clone).map(({ message }) => message);
  const known = droplets.map(({ name, alias, snapshot, generations }, at) => {
    const seen = live.find((one) => one.name === name);
    const own = clones.filter(({ droplet }) => droplet === name);
    return {
      ...{ name, alias, snapshot, generations },
      error: seen?.error ?? "",
      operation: seen?.lock ?? "",
      drift: [
        ...drift
          .filter(({ clone, resource }) => clone === "" && dropletOf(resource, droplets) === at)
          .map(({ resource, message }) => `${resource}: ${message}`),
        ...sizeDrift(own.length, fleetOn(alias, declared)),
      ],
      clones: own.map((clone) => ({
        ...clone,
        ...cloneState(seen?.usage.get(clone.namespace)),
        drift: words(clone.name),
        restarts: seen?.restarts.get(clone.namespace) ?? "",
      })),
    };
  });
  // A stack that has nothing anywhere was never brought up, or was taken down.
  const missing = known.length === 0 ? [] : declared.filter((fleet) => !known.some(({ alias }) => isOn(alias, fleet)));
  return {
    stack,
    at: new Date().toISOString(),
    compared,
    ready: readiness(clones),
    droplets: [...known, ...missing.map(neverReached)],
  };
}

function isOn(alias: string, { name = DROPLET_ALIAS }: DeclaredFleet): boolean {
  return alias === name;
}

function fleetOn(alias: string, declared: readonly DeclaredFleet[]): DeclaredFleet | undefined {
  return declared.find((fleet) => isOn(alias, fleet));
}

/** The difference between a fleet and the clones that operations have made; none if the config says nothing of it. */
function sizeDrift(made: number, fleet: DeclaredFleet | undefined): string[] {
  if (fleet === undefined || fleet.count === made) return [];
  return [`${made} of ${fleet.count} declared clones; pulumi up makes it so`];
}

/** A droplet of the config of which the state knows nothing: its first `up` failed, or did not run. */
function neverReached({ name = DROPLET_ALIAS }: DeclaredFleet): ReportedDroplet {
  return {
    ...{ name: "declared", alias: name, operation: "", snapshot: "", generations: [], drift: [], clones: [] },
    error: "the stack has nothing on it yet; run pulumi up, which says what is in the way",
  };
}

/** A droplet for the user, with its name in the stack if that has several. */
export function dropletTitle({ name, alias }: Pick<ReportedDroplet, "name" | "alias">): string {
  return alias === DROPLET_ALIAS ? name : `${alias} (${name})`;
}

/** The place of the droplet that a resource is for: the names of a droplet's resources begin with its alias. */
function dropletOf(resource: string, droplets: FleetState["droplets"]): number {
  const [, name = ""] = resource.split(" ");
  return Math.max(
    0,
    droplets.findIndex(({ alias }) => name.startsWith(`${alias}-`)),
  );
}

function cloneState(usage: Usage | undefined): Pick<ReportedClone, "state" | "usage"> {
  if (usage === undefined) return { state: "unknown" };
  const { alive, ...rest } = usage;
  return alive ? { state: "running", usage: rest } : { state: "ended" };
}

/** How long the clones took until they were ready, at their last start. */
export function readiness(clones: readonly Pick<FleetClone, "timings">[]): FleetReport["ready"] {
  const took = clones.flatMap((clone) => readyTime(clone) ?? []);
  const sorted = took.sort((one, other) => one - other);
  const rank = (share: number): number => sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
  return { clones: sorted.length, p50: rank(0.5), p95: rank(0.95), p99: rank(0.99) };
}

/** ms that a clone's last start took until it was ready; undefined if the stack does not wait for that. */
export function readyTime({ timings }: Pick<FleetClone, "timings">): number | undefined {
  return timings.ready === undefined ? undefined : Object.values(timings).reduce((sum, ms) => sum + ms, 0);
}

/** Whether everything in a report is as declared. */
export function isAsDeclared({ droplets }: FleetReport): boolean {
  return droplets.every(
    ({ error, drift, clones }) =>
      error === "" &&
      drift.length === 0 &&
      clones.every((clone) => clone.drift.length === 0 && clone.state !== "ended"),
  );
}
