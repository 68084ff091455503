import { UnreachableError } from "../../host/errors";
import type { CommonInputs, Definition, Reading } from "./definition";
import { saidOnce } from "../operation/reportOnce";

/** ms for which nobody tries again to reach a droplet that could not be reached, to look at one more of its resources. */
const NOT_AGAIN = 10_000;

const unreached = new Map<string, { readonly at: number; readonly error: UnreachableError }>();

/**
 * Reads a resource. Where its droplet cannot be reached as the state says, that is a difference like others: the way that the
 * config names now may be another one, a key that was exchanged, say, and the update will take that, or say what is wrong.
 * One that swallows all packets takes a minute to fail, and the engine asks for a few resources at a time: so the others of a
 * fleet of hundreds do not try.
 */
export async function readAnyhow<Inputs extends CommonInputs, Outputs>(
  definition: Pick<Definition<Inputs, Outputs>, "read" | "outputs" | "here">,
  current: Inputs & Outputs,
): Promise<Reading<Outputs>> {
  if (definition.here) return definition.read(current);
  const droplet = JSON.stringify(current.droplet);
  const before = unreached.get(droplet);
  try {
    if (before !== undefined && Date.now() - before.at < NOT_AGAIN) throw before.error;
    return await definition.read(current);
  } catch (error) {
    if (!(error instanceof UnreachableError)) throw error;
    if (error !== before?.error) unreached.set(droplet, { at: Date.now(), error });
    const said = saidOnce(error);
    return { outputs: definition.outputs.parse(current), drift: [said.message], told: said !== error };
  }
}
