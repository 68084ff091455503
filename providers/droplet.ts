import { gatherFacts } from "../host/facts";
import { sessionOf, type Session } from "../host/session";
import type { Observed } from "../plan/observed";
import type { CommonInputs } from "./define";

/** The variables that every function of the library knows. */
export function commonVars({ owner, runtimeDir, vmmTimeout }: CommonInputs): Record<string, string> {
  return { owner, runtime_dir: runtimeDir, vmm_timeout_ms: String(Math.round(vmmTimeout * 1000)) };
}

/** One operation's view of a droplet for one owner. */
interface View {
  /** The lock's stamp when it was taken in this operation; what was read before must have the same. */
  locked: string | undefined;
  reading: Promise<Observed> | undefined;
  /** Resources that were changed since the reading: of these it says nothing any more. */
  readonly touched: Set<string>;
}

const views = new Map<string, View>();

/** The session for a resource's droplet. */
export function sessionFor({ droplet }: CommonInputs): Session {
  return sessionOf(droplet);
}

/**
 * The droplet as it is. It is read once for all resources of an operation (a provider process serves one operation),
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
    const before = await view.reading?.catch(() => undefined);
    if (before?.stamp !== stamp) view.reading = undefined;
  }
  return read(common, view, about);
}

async function read(common: CommonInputs, view: View, about: string): Promise<Observed> {
  if (view.touched.has(about)) {
    view.reading = undefined;
    view.touched.clear();
  }
  view.reading ??= gatherFacts(sessionFor(common), commonVars(common));
  try {
    return await view.reading;
  } catch (error) {
    view.reading = undefined;
    throw error;
  }
}

/** Says that a resource is about to be changed. */
export function touch(common: CommonInputs, about: string): void {
  viewOf(common).touched.add(about);
}

function viewOf({ droplet, owner, runtimeDir }: CommonInputs): View {
  const key = JSON.stringify([droplet, owner, runtimeDir]);
  const view = views.get(key) ?? { locked: undefined, reading: undefined, touched: new Set<string>() };
  views.set(key, view);
  return view;
}
