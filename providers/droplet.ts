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
  const view = views.get(key) ?? { reading: undefined, touched: new Set<string>() };
  views.set(key, view);
  return view;
}
