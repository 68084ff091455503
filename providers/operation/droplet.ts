import type { Call } from "../../host/session/call";
import { gatherFacts } from "../../host/facts";
import { sessionOf, type Session } from "../../host/session/session";
import type { Observed } from "../../model/observed";
import type { CommonInputs } from "../kit/definition";
import { Limit } from "../kit/limit";
import { lineageVars } from "./claimant";

/** The variables that every function of the library knows. */
export function commonVars(common: CommonInputs): Record<string, string> {
  const { owner, runtimeDir, vmmTimeout } = common;
  const vmmTimeoutMs = String(Math.round(vmmTimeout * 1000));
  return { owner, runtime_dir: runtimeDir, vmm_timeout_ms: vmmTimeoutMs, ...lineageVars(common) };
}

/** One operation's view of a droplet for one owner. */
interface View {
  /** The lock's stamp when it was taken in this operation; what was read before must have the same. */
  locked: string | undefined;
  reading: { readonly begun: number; readonly seen: Promise<Observed> } | undefined;
}

const views = new Map<string, View>();
/** When a change of a resource was begun or ended last: a reading that was begun before says nothing of it any more. */
const touched = new Map<string, number>();
/** Counts what is begun and ended here, so that it has an order. */
let moment = 0;

/** The session for a resource's droplet. */
export function sessionFor({ droplet }: CommonInputs): Session {
  return sessionOf(droplet);
}

/**
 * The droplet as it is. It is read once for all resources of an operation (a provider process serves one operation; of an
 * `up` that refreshes first, the refresh is one and the update another),
 * and again only for a resource that was changed meanwhile.
 *
 * @param about the resource that asks
 */
export async function observe(common: CommonInputs, about: string): Promise<Observed> {
  const view = viewOf(common);
  return read(common, view, about);
}

/**
 * The same, for what is about to change it: the lock is taken first, so that nobody changes it between the look and the
 * change. What was read before is used where nobody has had the lock since.
 *
 * @throws HornetError that names the lock's holder, where the wait for it is over
 */
export async function observeToChange(common: CommonInputs, about: string): Promise<Observed> {
  const view = viewOf(common);
  const stamp = await sessionFor(common).hold();
  if (view.locked !== stamp) {
    view.locked = stamp;
    const before = await view.reading?.seen.catch(() => undefined);
    if (before?.stamp !== stamp) view.reading = undefined;
  }
  return read(common, view, about);
}

async function read(common: CommonInputs, view: View, about: string): Promise<Observed> {
  let { reading } = view;
  if (reading === undefined || reading.begun < (touched.get(touchKey(common, about)) ?? 0)) {
    reading = { begun: ++moment, seen: gatherFacts(sessionFor(common), commonVars(common)) };
    view.reading = reading;
  }
  try {
    return await reading.seen;
  } catch (error) {
    if (view.reading === reading) view.reading = undefined;
    throw error;
  }
}

/** Says that a resource is about to be changed, or was just now. */
export function touch(common: CommonInputs, about: string): void {
  touched.set(touchKey(common, about), ++moment);
}

/** One operation may reach a machine under several names, and for several owners, whose names on it are one space. */
function touchKey(common: CommonInputs, about: string): string {
  const { machine, name } = sessionFor(common);
  return JSON.stringify([machine ?? name, about]);
}

/** Changes a resource by one call on the droplet; gives what that said. */
export function change(common: CommonInputs, about: string, call: Call): Promise<string> {
  return changing(common, about, () => sessionFor(common).call(call));
}

const turns = new Map<string, Limit>();

/** Does what two owners of one operation must not do at once on one machine. */
export async function alone<T>(common: CommonInputs, work: () => Promise<T>): Promise<T> {
  const session = sessionFor(common);
  await session.hold();
  const key = session.machine ?? session.name;
  const turn = turns.get(key) ?? new Limit(1);
  turns.set(key, turn);
  return turn.run(work);
}

/** What was read so far counts no more. */
export function forgetViews(): void {
  views.clear();
}

/** Changes a resource. What is read of it while that goes on is not what it is afterwards. */
export async function changing<T>(common: CommonInputs, about: string, work: () => Promise<T>): Promise<T> {
  touch(common, about);
  try {
    return await work();
  } finally {
    touch(common, about);
  }
}

function viewOf({ droplet, owner, runtimeDir }: CommonInputs): View {
  const key = JSON.stringify([droplet, owner, runtimeDir]);
  const view = views.get(key) ?? { locked: undefined, reading: undefined };
  views.set(key, view);
  return view;
}
