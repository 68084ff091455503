import { ConnectionError, HornetError, messageOf } from "../../host/errors";
import { foreignText } from "../../host/printable";
import type { CommonInputs } from "../kit/definition";
import { commonVars } from "../operation/common";
import type { Droplet } from "../operation/droplet";

/** The VM of a clone, of a boot or of a trial. */
export interface GuestVm extends CommonInputs {
  readonly namespace: string;
}

/** An error at the border of a guest: it has the end of the guest's console, and how its VMM ended where it did. */
export class GuestError extends HornetError {
  override readonly name = "GuestError";
}

/**
 * The variable by which a removal after a failed create leaves the console, which nothing else tells the operator: the next `up`
 * removes it.
 */
export function keptAfter(failure: unknown): { keep_console: string } {
  return { keep_console: failure instanceof GuestError ? "1" : "" };
}

/**
 * Does what needs a guest to take part.
 *
 * @param concerns whether a failure has to do with the guest; left out, each has
 * @throws GuestError where it fails; a lost connection to the droplet is left as it is
 */
export async function atGuest<T>(
  droplet: Droplet,
  vm: GuestVm,
  work: () => Promise<T>,
  concerns: (error: HornetError) => boolean = () => true,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof GuestError || error instanceof ConnectionError) throw error;
    if (error instanceof HornetError && concerns(error))
      throw new GuestError(`${error.message}\n${await endOf(droplet, vm)}`);
    throw error;
  }
}

/** How its VMM ended, where it did, and the end of its console. */
async function endOf(droplet: Droplet, vm: GuestVm): Promise<string> {
  const { namespace, runtimeDir } = vm;
  const vars = { ...commonVars(vm), namespace };
  let said: string;
  try {
    said = await droplet.call({ what: "read the console", run: "guest_end", vars });
  } catch (error) {
    return `its console cannot be read: ${messageOf(error)}`;
  }
  const [fate = "", ...lines] = said.split("\n");
  const console = lines.join("\n").trim();
  const path = `${runtimeDir}/${namespace}/console.log`;
  const end =
    console === ""
      ? "its console is empty"
      : `the end of its console:\n${foreignText(console)}\n(all of it: ${path} on the droplet)`;
  const how = fateOf(fate);
  return how === undefined ? end : `${how}\n${end}`;
}

/** @param fate `alive`, `none` (never started), `unknown`, or the exit code as a shell has it */
function fateOf(fate: string): string | undefined {
  if (fate === "alive" || fate === "none") return undefined;
  const code = Number(fate);
  if (!/^\d+$/.test(fate)) return "its VMM ended, and nobody knows how";
  return code > 128 ? `its VMM ended by signal ${code - 128}` : `its VMM ended with exit code ${code}`;
}
