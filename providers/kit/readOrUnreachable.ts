import { UnreachableError } from "../../host/errors";
import type { Droplet } from "../operation/droplet";
import type { CommonInputs, Definition, Reading } from "./definition";

/**
 * Reads a resource. If the state's connection fails, that is drift: the config may name another connection now, with a new key
 * for example. The following update uses that one, or reports the fault.
 */
export async function readOrUnreachable<Inputs extends CommonInputs, Outputs>(
  definition: Pick<Definition<Inputs, Outputs>, "read" | "outputs" | "here">,
  droplet: Droplet,
  current: Inputs & Outputs,
): Promise<Reading<Outputs>> {
  if (definition.here) return definition.read(droplet, current);
  const { unreachable, reports } = droplet;
  try {
    if (unreachable.recent !== undefined) throw unreachable.recent;
    return await definition.read(droplet, current);
  } catch (error) {
    if (!(error instanceof UnreachableError)) throw error;
    unreachable.note(error);
    const shown = reports.shortened(error);
    return { outputs: definition.outputs.parse(current), drift: [shown.message], reported: shown !== error };
  }
}
