/**
 * The events of a fleet, from the engine's event stream. The stream itself repeats the stack's whole config, so it never leaves
 * this module.
 */
import type { EngineEvent, StepEventMetadata } from "@pulumi/pulumi/automation";
import { CANNOT_USE } from "../host/errors";
import { printableLines } from "../host/printable";
import type { Failure } from "./errors";

/** What happened to a fleet during an operation. */
export type FleetEvent =
  /** A clone was made, changed or restarted, and answers as itself where the stack waits for that (`ready`). */
  | {
      readonly type: "clone";
      readonly clone: string;
      readonly change: "created" | "updated" | "restarted" | "replaced";
      readonly ready: boolean;
      readonly address: string;
      readonly sshHostKey: string;
      /** The drift that a restart repaired, in words; empty if there was none. */
      readonly reason: string;
      /** ms until the clone was ready, by phase. */
      readonly timings: Readonly<Record<string, number>>;
    }
  | { readonly type: "removed"; readonly clone: string }
  /** A resource failed; the operation's error lists it as well. */
  | ({ readonly type: "failed" } & Failure)
  /** The droplet differs from the declaration. */
  | ({ readonly type: "drifted" } & Drift)
  /** A line for a person: a warning, the progress of a transfer, a guest that is slow. */
  | { readonly type: "message"; readonly severity: "info" | "warning"; readonly text: string };

/** One resource that differs from what was declared. */
export interface Drift {
  /** The clone's name, or empty if the resource belongs to no clone. */
  readonly clone: string;
  /** The resource's kind and name: `FirecrackerVM vm3`. */
  readonly resource: string;
  readonly urn: string;
  /** The difference, in words: `VMM exited with 137 at …`. */
  readonly message: string;
}

/**
 * Separates the droplets that could not be reached from the drift: each of their resources has that as its condition.
 *
 * @returns the drift of all others, and a line for each droplet that could not be reached, with the reason
 */
export function splitDrift(all: readonly Drift[]): { drift: Drift[]; unreachable: string[]; urns: Set<string> } {
  const lost = all.filter(({ message }) => UNREACHABLE.test(message));
  const reasons = new Map<string, string>();
  for (const { message } of lost) {
    const [, droplet = "", end] = UNREACHABLE.exec(message) ?? [];
    // One of the droplet's resources has the reason, and the others refer to it.
    if (end === ":" || !reasons.has(droplet)) reasons.set(droplet, message);
  }
  return {
    drift: all.filter((one) => !lost.includes(one)),
    unreachable: [...reasons.values()],
    urns: new Set(lost.map(({ urn }) => urn)),
  };
}

/** One resource that an operation changes or would change. */
export interface Change {
  readonly clone: string;
  readonly resource: string;
  readonly urn: string;
  readonly operation: "create" | "update" | "delete" | "replace";
  /** The inputs that differ. */
  readonly inputs: readonly string[];
}

type Bag = Readonly<Record<string, unknown>>;
/** The engine sends null for a state that does not exist; the SDK's type does not say so. */
type Stated = { readonly inputs?: Bag; readonly outputs?: Bag } | null | undefined;

const KIND = /^pulumi-nodejs:dynamic\/hornet:(\w+)$/;
const VM = "FirecrackerVM";
const AS_DECLARED = "as declared";
const UNREACHABLE = new RegExp(`^${CANNOT_USE}(\\S+?)([:;]) `);

/** Collects one operation's engine events. */
export class EventReader {
  readonly drift: Drift[] = [];
  readonly failures: Failure[] = [];
  readonly changes: Change[] = [];
  /** The drift of each VM, as the reason of its restart. */
  private readonly reasons = new Map<string, string>();
  /** The clone of each resource, by its URN. */
  private readonly clones = new Map<string, string>();

  /**
   * @param emit is called with each event of the fleet
   * @param onlyReads every step of the operation is a read: a refresh
   */
  constructor(
    private readonly emit: (event: FleetEvent) => void,
    private readonly onlyReads: boolean,
  ) {}

  /** Takes in one event of the engine. */
  take(event: EngineEvent): void {
    if (event.resourcePreEvent !== undefined) this.note(event.resourcePreEvent.metadata);
    if (event.resOutputsEvent !== undefined) {
      this.step(event.resOutputsEvent.metadata, event.resOutputsEvent.planning === true);
    }
    const said = event.diagnosticEvent;
    if (said === undefined || said.ephemeral === true) return;
    const text = plain(said.message);
    if (text === "") return;
    if (said.severity === "error") this.fail(said.urn ?? "", text);
    else if (said.severity !== ("debug" as string)) {
      const severity = said.severity === "warning" ? "warning" : "info";
      this.emit({ type: "message", severity, text });
    }
  }

  private note({ urn, old, new: now }: StepEventMetadata): void {
    const clone = cloneOf((now as Stated)?.inputs ?? {}) || cloneOf((old as Stated)?.inputs ?? {});
    if (clone !== "") this.clones.set(urn, clone);
  }

  private step(metadata: StepEventMetadata, planning: boolean): void {
    this.note(metadata);
    const { op, urn, type, old, new: now } = metadata;
    if (op === "refresh" || this.onlyReads) {
      this.read(metadata);
      return;
    }
    if (!KIND.test(type)) return;
    const clone = this.clones.get(urn) ?? "";
    const operation = operationOf(op);
    if (operation === undefined) return;
    this.changes.push({ clone, resource: nameOf(urn), urn, operation, inputs: metadata.diffs ?? [] });
    if (planning || kindOf(type) !== VM) return;
    if (operation === "delete") {
      this.emit({ type: "removed", clone });
      return;
    }
    const [before, after] = [(old as Stated)?.outputs, (now as Stated)?.outputs ?? {}];
    const restarted = operation === "update" && before?.pid !== after.pid;
    const change = { create: "created", update: restarted ? "restarted" : "updated", replace: "replaced" } as const;
    this.emit({
      type: "clone",
      clone,
      change: change[operation],
      ready: after.ready === true,
      address: textOf(after.address),
      sshHostKey: textOf(after.sshHostKey),
      reason: this.reasons.get(urn) ?? "",
      timings: numbersOf(after.timings),
    });
  }

  private read({ urn, type, new: now, op }: StepEventMetadata): void {
    if (!KIND.test(type)) return;
    const condition = op === "delete" ? "gone" : ((now as Stated)?.outputs?.condition ?? "gone");
    if (typeof condition !== "string" || condition === AS_DECLARED) return;
    const found = { clone: this.clones.get(urn) ?? "", resource: nameOf(urn), urn, message: condition };
    this.reasons.set(urn, condition);
    this.drift.push(found);
    this.emit({ type: "drifted", ...found });
  }

  private fail(urn: string, message: string): void {
    // The engine's own summary of the failures before it.
    if (/^(?:update|preview|refresh|destroy) (?:failed|canceled)$/.test(message)) return;
    const failure = { clone: this.clones.get(urn) ?? "", resource: resourceOf(urn), message };
    this.failures.push(failure);
    this.emit({ type: "failed", ...failure });
  }
}

function operationOf(op: string): Change["operation"] | undefined {
  switch (op) {
    case "create":
    case "update":
    case "delete":
      return op;
    case "create-replacement":
      return "replace";
    default:
      return undefined;
  }
}

function kindOf(type: string): string {
  return KIND.exec(type)?.[1] ?? "";
}

/** `FirecrackerVM vm3`: the kind and name in a URN (urn:pulumi:STACK::PROJECT::PARENTS$TYPE::NAME). */
export function nameOf(urn: string): string {
  const [, , types = "", ...name] = urn.split("::");
  return `${types.slice(types.search(/[^:/$]+$/))} ${name.join("::")}`;
}

/** The resource that a diagnostic is about; empty for the program as a whole. */
function resourceOf(urn: string): string {
  return urn === "" || urn.includes("pulumi:pulumi:Stack") ? "" : nameOf(urn);
}

/** The clone that a resource belongs to: only a clone's resources have a namespace. */
function cloneOf(inputs: Bag): string {
  return textOf(inputs.namespace) === "" ? "" : textOf(inputs.name) || textOf(inputs.namespace);
}

/** The engine marks colours as `<{%reset%}>`. */
function plain(message: string): string {
  return printableLines(message.replaceAll(/<\{%[^%]*%\}>/g, "")).trim();
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function numbersOf(value: unknown): Record<string, number> {
  if (typeof value !== "object" || value === null) return {};
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, number] => typeof entry[1] === "number"),
  );
}
