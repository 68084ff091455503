/** One look at a stack's droplets, and the repair of what differs. */
import { messageOf } from "../../host/errors";
import { StackError } from "../errors";
import { splitDrift, type Drift, type FleetEvent } from "../events";
import type { FleetStack } from "../stack";
import { isExhausted, noteRestart, type Memory } from "./memory";

/** What a look found and did. */
export interface Look {
  /** The drift that is left after the look, on the droplets that could be reached. */
  readonly drift: readonly Drift[];
  /** A line for each droplet that could not be reached. */
  readonly unreachable: readonly string[];
  /** Changes of the config that no `up` has applied; only looks that repair see them. */
  readonly pending: number;
  /** Whether a repair ran and succeeded. */
  readonly repaired: boolean;
  /** Clones that are left alone: repairs have restarted them as often as their budget allows. */
  readonly givenUp: readonly string[];
  /** Why the look or the repair failed. */
  readonly error?: StackError | undefined;
}

/** A line of the event log. */
export interface LogEntry {
  readonly event: "drift" | "clone" | "failed" | "repaired" | "given-up" | "error";
  readonly clone?: string;
  readonly resource?: string;
  readonly message: string;
}

/** How a watcher looks. */
export interface LookOptions {
  readonly repair: boolean;
  /** Restarts of one clone by repairs in an hour. */
  readonly budget: number;
  readonly signal: AbortSignal;
  readonly log: (entry: LogEntry) => void;
}

/** Looks once. It changes `memory` as it goes. */
export async function look(
  stack: Pick<FleetStack, "drift" | "preview" | "up" | "state">,
  memory: Memory,
  { repair, budget, signal, log }: LookOptions,
): Promise<Look> {
  const nothing = { drift: [], unreachable: [], pending: 0, repaired: false, givenUp: [] };
  let found: Pick<Look, "drift" | "unreachable" | "pending">;
  try {
    found = repair ? await withPending(stack, signal) : { ...splitDrift(await stack.drift({ signal })), pending: 0 };
  } catch (error) {
    return { ...nothing, error: expected(error, log) };
  }
  const { drift, unreachable, pending } = found;
  note(memory, found, log);
  if (!repair || (drift.length === 0 && pending === 0)) return { ...nothing, drift, unreachable, pending };
  const left = drift.filter(
    ({ clone, resource }) => resource.startsWith("FirecrackerVM ") && isExhausted(memory, clone, budget, Date.now()),
  );
  const givenUp = left.map(({ clone }) => clone);
  for (const clone of givenUp) {
    log({
      event: "given-up",
      clone,
      message: `repairs restarted it ${budget} times within an hour; it is left as it is`,
    });
  }
  if (left.length === drift.length && pending === 0) return { drift, unreachable, pending, repaired: false, givenUp };
  const { clones } = await stack.state();
  const exclude = clones.filter(({ name }) => givenUp.includes(name)).map(({ urn }) => urn);
  try {
    await stack.up({ signal, exclude, onEvent: (event) => hear(memory, event, log) });
  } catch (error) {
    memory.failures += 1;
    return { drift, unreachable, pending, repaired: false, givenUp, error: expected(error, log) };
  }
  memory.repaired += drift.length - left.length;
  memory.open = [...left.map(keyOf), ...unreachable];
  log({ event: "repaired", message: `${drift.length - left.length} differences and ${pending} pending changes` });
  return { drift: left, unreachable, pending: 0, repaired: true, givenUp };
}

/** The drift, and how many changes are not a consequence of it. */
async function withPending(
  stack: Pick<FleetStack, "preview">,
  signal: AbortSignal,
): Promise<Pick<Look, "drift" | "unreachable" | "pending">> {
  const preview = await stack.preview({ signal });
  const { drift, unreachable, urns } = splitDrift(preview.drift);
  const changes = preview.changes.filter(({ urn }) => !urns.has(urn));
  return { drift, unreachable, pending: drift.length > 0 ? 0 : changes.length };
}

function note(
  memory: Memory,
  { drift, unreachable }: Pick<Look, "drift" | "unreachable">,
  log: LookOptions["log"],
): void {
  const known = new Set(memory.open);
  for (const message of unreachable.filter((one) => !known.has(one))) log({ event: "error", message });
  for (const one of drift.filter((each) => !known.has(keyOf(each)))) {
    memory.seen += 1;
    const { clone, resource, message } = one;
    log({ event: "drift", ...(clone !== "" && { clone }), resource, message });
  }
  memory.open = [...drift.map(keyOf), ...unreachable];
}

function hear(memory: Memory, event: FleetEvent, log: LookOptions["log"]): void {
  if (event.type === "failed") {
    const { clone, resource, message } = event;
    log({ event: "failed", ...(clone !== "" && { clone }), resource, message });
  }
  if (event.type !== "clone") return;
  const { clone, change, reason } = event;
  if (change === "restarted" || change === "replaced") noteRestart(memory, clone, reason, Date.now());
  log({ event: "clone", clone, message: reason === "" ? change : `${change}: ${reason}` });
}

function keyOf({ urn, message }: Drift): string {
  return `${urn} ${message}`;
}

function expected(error: unknown, log: LookOptions["log"]): StackError {
  if (!(error instanceof StackError)) throw error;
  log({ event: "error", message: messageOf(error) });
  return error;
}
