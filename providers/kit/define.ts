import { isDeepStrictEqual } from "node:util";
import type { dynamic } from "@pulumi/pulumi";
import { z } from "zod";
import { contradictionsOf } from "../../model/contradictions";
import { UNKEPT_KEY, unkeptPaths } from "../../model/formats";
import { flatIssues, problemOf, valueAt } from "../../model/issues";
import { connectionSchema } from "../../model/connection";
import { isFleetLabel } from "../../model/owner";
import { HornetBug, HornetError } from "../../host/errors";
import { printable, printableValue, report } from "../../host/printable";
import { dropletKey, type Droplet } from "../operation/droplet";
import { refusedCondition } from "../operation/lineage";
import type { Operation } from "../operation/operation";
import type { CommonInputs, Definition } from "./definition";
import { omitDefaults } from "./omitDefaults";
import { readOrUnreachable } from "./readOrUnreachable";

/**
 * The input that shows drift. A program always declares AS_DECLARED; a read that finds drift writes its messages here, so that
 * the engine's diff starts the repair, and a preview shows the messages.
 */
const CONDITION = "condition";
const AS_DECLARED = "as declared";

type Bag = Record<string, unknown>;

/** The kind of which a clone has one. */
const CLONE_KIND = "FirecrackerVM";

/** The SDK's placeholder for an unknown value in check and diff (pulumi/sdk, runtime/rpc). */
const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** True for inputs that a Hornet before 0.2.0 wrote into the state; `--refresh=false` brings them here. */
function isOfOldState({ __provider: text }: Bag): boolean {
  return typeof text === "string" && text.includes("provide.cjs')");
}

// eslint-disable-next-line @typescript-eslint/no-require-imports
const { REFUSAL } = require("../../provide.cjs") as { readonly REFUSAL: string };

/** Makes Pulumi's provider of a definition. check and diff do no I/O: the engine calls them one after another. */
export function makeProvider<Inputs extends CommonInputs, Outputs>(
  definition: Definition<Inputs, Outputs>,
  operation: Operation,
): dynamic.ResourceProvider {
  const parse = (props: Bag): Inputs => definition.inputs.parse(props);
  const state = (props: Bag): Inputs & Outputs => ({ ...parse(props), ...definition.outputs.parse(props) });
  const outs = (inputs: Inputs, outputs: Outputs): Bag => ({
    // The state has no copy of defaults, so every engine call carries fewer properties.
    ...omitDefaults(definition.inputs, inputs),
    // Only the kind's outputs: properties that an update copied from the old state must not hide the new inputs.
    ...printableValue(definition.outputs.parse(outputs)),
    [CONDITION]: AS_DECLARED,
  });
  const isGone = (droplet: Droplet): boolean => definition.here !== true && droplet.decommissioned;
  const complete = async (droplet: Droplet, inputs: Inputs): Promise<void> => {
    if (definition.completesClones) await droplet.pendingClonesOf(inputs).commit();
  };
  return {
    check: (olds: Bag, news: Bag) =>
      Promise.resolve(
        isOfOldState(olds)
          ? { failures: [{ property: "", reason: REFUSAL }] }
          : check(definition, operation, olds, news),
      ),
    diff: (_id: string, olds: Bag, news: Bag) => {
      operation.lineages.note(olds.owner, olds.lineage);
      operation.failures.note(news.owner);
      if (onlyPassive(definition, olds, news)) return Promise.resolve({ changes: false });
      const replaces = definition.replaceOn.filter((key) => differs(definition.inputs, key, olds[key], news[key]));
      // Without `changes` the engine compares all inputs and shows each difference; with it, it would show none.
      // Names are unique on a droplet, so the old resource goes first.
      return Promise.resolve({ replaces, deleteBeforeReplace: true });
    },
    create: (news: Bag) =>
      readable(operation, news.owner, async () => {
        const inputs = parse(news);
        const droplet = operation.useConnection(inputs.droplet);
        const made = outs(inputs, await definition.create(droplet, inputs));
        operation.created.add(placeOf(definition, inputs));
        await complete(droplet, inputs);
        return { id: definition.id(inputs), outs: made };
      }),
    read: (id: string, props?: Bag) =>
      readable(operation, props?.owner, async () => {
        if (isImported(props)) throw cannotImport(definition.kind, id);
        const current = state(props ?? {});
        const droplet = operation.droplet(current.droplet);
        if (isGone(droplet)) return { id: "", props: {} };
        const reading = await readOrUnreachable(definition, droplet, current);
        if (reading === "gone") return { id: "", props: {} };
        const condition = reading.drift.length === 0 ? AS_DECLARED : printable(reading.drift.join("; "));
        // A preview without --diff names only the inputs that differ; its diagnostics show this.
        if (condition !== AS_DECLARED && !reading.reported) {
          // The droplets of one stack have resources with the same id.
          const where = isFleetLabel(current.owner) ? ` on ${droplet.name}` : "";
          report(`${definition.kind} ${id}${where}: ${reading.drift.join("; ")}`);
        }
        const inputs = { ...omitDefaults(definition.inputs, parse(current)), [CONDITION]: condition };
        return { id, props: { ...inputs, ...printableValue(reading.outputs), [CONDITION]: condition }, inputs };
      }),
    update: (_id: string, olds: Bag, news: Bag) =>
      readable(operation, news.owner, async () => {
        const inputs = parse(news);
        const droplet = operation.useConnection(inputs.droplet);
        // The state may have an older connection to the same droplet.
        const old = { ...state(olds), droplet: inputs.droplet };
        const updated = outs(inputs, await definition.update(droplet, old, inputs));
        await complete(droplet, inputs);
        return { outs: updated };
      }),
    delete: (_id: string, props: Bag) =>
      readable(operation, props.owner, async () => {
        const current = state(props);
        const droplet = operation.droplet(current.droplet);
        if (isGone(droplet)) return;
        // A resource of another name in the program has taken over what this one made.
        if (operation.created.has(placeOf(definition, current))) return;
        const replaced = operation.declared.has(placeOf(definition, current));
        await definition.delete(droplet, { ...current, droplet: droplet.currentConnection }, replaced);
      }),
  };
}

/** Where a resource is, for comparisons: a second one with the same place is its replacement. */
function placeOf<Inputs extends CommonInputs>(
  { kind, id }: Pick<Definition<Inputs, unknown>, "kind" | "id">,
  inputs: Inputs,
): string {
  return [kind, dropletKey(inputs.droplet), inputs.owner, inputs.runtimeDir, id(inputs)].join("\0");
}

/** Every state that Hornet wrote has a condition. The engine reads without one for the option `id` or an import. */
function isImported(props: Bag | undefined): boolean {
  return props?.[CONDITION] === undefined;
}

function cannotImport(kind: string, id: string): HornetError {
  return new HornetError(`${kind} ${id} cannot be imported or read by its id`, {
    next:
      "declare the resource without that option and run up: Hornet completes what this stack left behind, and " +
      "hornet:fleet.adopt: true adopts a namespace or a link without an owner label",
  });
}

function check<Inputs extends CommonInputs>(
  {
    kind,
    inputs: schema,
    fault,
    awaited = [],
    id,
  }: Pick<Definition<Inputs, unknown>, "kind" | "inputs" | "fault" | "awaited" | "id">,
  operation: Operation,
  olds: Bag,
  news: Bag,
): dynamic.CheckResult {
  const parsed = schema.safeParse(news);
  const unkept = unkeptPaths(news).map((path) => ({
    property: path.join("."),
    reason: `no key may be named ${UNKEPT_KEY}`,
  }));
  if (!parsed.success || unkept.length > 0) {
    const failures = [
      ...unkept,
      ...flatIssues(parsed.error?.issues ?? []).flatMap((issue) => failureOf(issue, news, awaited)),
    ];
    return { inputs: { ...known(schema, news), [CONDITION]: AS_DECLARED }, failures };
  }
  operation.useConnection(parsed.data.droplet);
  operation.declared.add(placeOf({ kind, id }, parsed.data));
  operation.failures.note(parsed.data.owner, kind === CLONE_KIND ? String(news.name) : undefined);
  // The refresh found it. A preview changes nothing, so the droplet itself would not refuse it.
  const reason = refusedCondition(olds[CONDITION]) ?? fault?.(parsed.data);
  // With no property: the engine would show its value.
  const refusals = reason === undefined ? [] : [{ property: "", reason }];
  const failures = [...contradictionsOf(parsed.data), ...refusals];
  return { inputs: { ...omitDefaults(schema, parsed.data), [CONDITION]: AS_DECLARED }, failures };
}

/** The failure for an issue; none if the value is unknown. */
function failureOf(
  issue: z.core.$ZodIssue,
  news: Bag,
  awaited: readonly string[],
): { property: string; reason: string }[] {
  const { path } = issue;
  if (unknownAt(news, path)) return [];
  const [key = ""] = path;
  if (awaited.includes(String(key)) && news[String(key)] === undefined) return [];
  const reason = valueAt(news, path) === undefined ? "is missing" : problemOf(issue);
  return [{ property: path.join("."), reason }];
}

/**
 * Partly unknown inputs: each known one as its schema parses it, without defaults. A saved plan has them in this form, and the
 * following `up` must find the same.
 */
function known(schema: z.ZodObject, news: Bag): Bag {
  const keys = Object.keys(schema.shape).filter((key) => news[key] !== undefined);
  return omitDefaults(schema, Object.fromEntries(keys.map((key) => [key, read(schema, key, news[key])])));
}

/** True if the value at a path, or one that contains it, is unknown. */
function unknownAt(value: unknown, path: readonly PropertyKey[]): boolean {
  if (value === UNKNOWN) return true;
  const [head, ...rest] = path;
  if (head === undefined) return holdsUnknown(value);
  return typeof value === "object" && value !== null && unknownAt((value as Record<PropertyKey, unknown>)[head], rest);
}

function holdsUnknown(value: unknown): boolean {
  if (value === UNKNOWN) return true;
  return typeof value === "object" && value !== null && Object.values(value).some(holdsUnknown);
}

function differs(schema: z.ZodObject, key: string, old: unknown, now: unknown): boolean {
  if (holdsUnknown(now)) return false;
  if (key !== "droplet") return !isDeepStrictEqual(read(schema, key, old), read(schema, key, now));
  // Another key file or user leads to the same droplet.
  return keyOf(old) !== keyOf(now);
}

/** Whether all inputs are the same but those that say only how the resource is made. */
function onlyPassive<Inputs extends CommonInputs>(
  { inputs: schema, passive = [] }: Pick<Definition<Inputs, unknown>, "inputs" | "passive">,
  olds: Bag,
  news: Bag,
): boolean {
  const changed = (key: string): boolean =>
    !isDeepStrictEqual(read(schema, key, olds[key]), read(schema, key, news[key]));
  if (!passive.some(changed) || holdsUnknown(news)) return false;
  const others = Object.keys(schema.shape).filter((key) => !(passive as readonly string[]).includes(key));
  return ![...others, CONDITION].some(changed);
}

/** An input as its schema parses it: a missing one equals its default. */
function read(schema: z.ZodObject, key: string, value: unknown): unknown {
  const field = schema.shape[key] as z.ZodType | undefined;
  const parsed = field?.safeParse(value);
  return parsed?.success === true ? parsed.data : value;
}

function keyOf(value: unknown): string {
  const parsed = connectionSchema.safeParse(value);
  return parsed.success ? dropletKey(parsed.data) : "";
}

/** Makes every error readable for a user, because the engine shows only its message. */
async function readable<T>(operation: Operation, owner: unknown, work: () => Promise<T>): Promise<T> {
  try {
    return await operation.failures.run(owner, work);
  } catch (error) {
    throw operation.sdkStderr.suppress(userError(operation, error));
  }
}

function userError(operation: Operation, error: unknown): HornetError {
  if (error instanceof HornetError) return operation.reports.shortened(error);
  if (error instanceof z.ZodError) return new HornetError("unexpected data:", { details: [z.prettifyError(error)] });
  const bug = new HornetBug(error instanceof Error ? error : new Error(String(error)));
  operation.sessions.trace.span({ row: "bugs", name: bug.message, begun: Date.now(), took: 0 });
  return bug;
}
