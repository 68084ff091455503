import { readFile } from "node:fs/promises";
import type { Identity } from "../../firecracker/identity";
import { HornetError, messageOf } from "../../host/errors";
import { expandHome } from "../../host/ssh/options";
import type { Droplet } from "../operation/droplet";
import { atGuest } from "./guestError";
import { guestScript } from "./identityScript";
import { whileReporting, type WatchedGuest } from "./guestShows";
import type { VmInputs } from "./inputs";
import { vmVars } from "./vars";

/** ms that a guest gets to answer where nobody is to wait until a clone is ready. */
const USUAL_LIMIT = 60_000;
/** ms that the guest's own work may take at least once it answers: services stop and start, hooks run. */
const LEAST_WORK = 120_000;

/**
 * Tells a running guest over ssh who it is. The identity, and the key that logs in, go to ssh's stdin.
 *
 * @param identity its host key is undefined where the guest has it already; then no other one may answer
 * @param hostKey the guest's own public host key
 * @param first the guest was just resumed or booted
 * @throws HornetError where nobody answers in time, or the key does not log in
 */
export async function tellOverSsh(
  droplet: Droplet,
  wanted: VmInputs,
  identity: Identity,
  { hostKey, first }: { readonly hostKey: string; readonly first: boolean },
): Promise<void> {
  const { loginKeyPath, user, name, readyTimeout } = wanted;
  const limit = readyTimeout === 0 ? USUAL_LIMIT : readyTimeout * 1000;
  const key = loginKeyPath === undefined ? "-" : await keyText(loginKeyPath);
  const whose = loginKeyPath ?? `the keys that the droplet's own user has`;
  const call = droplet.call({
    what: `tell ${name} over ssh who it is`,
    run: "identify_guest",
    vars: {
      ...vmVars(wanted),
      guest_address: wanted.guestAddress,
      guest_user: user,
      host_key: identity.hostKey === undefined ? hostKey : "",
      limit_ms: String(limit),
    },
    stdin: `${key}\n${guestScript(identity, { first, attended: true })}`,
    timeoutMs: limit + Math.max(limit, LEAST_WORK),
    hint: `${whose} must log in as ${user} to the guest; hornet:guest.privateKeyPath names another key`,
  });
  const said = await atGuest(droplet, wanted, () => whileReporting(guestOf(droplet, wanted), call));
  const failed = said.split("\n").filter((line) => line.startsWith("failed "));
  if (failed.length > 0) throw new HornetError(`${name} could not take all of its identity: ${failed.join("; ")}`);
}

function guestOf(droplet: Droplet, { name, namespace, guestAddress: address, runtimeDir }: VmInputs): WatchedGuest {
  const folder = `${runtimeDir}/${namespace}`;
  return { session: droplet.session, name, namespace, address, folder };
}

/** The key's text in base64: one line. */
async function keyText(path: string): Promise<string> {
  try {
    return (await readFile(expandHome(path))).toString("base64");
  } catch (error) {
    throw new HornetError(`cannot read the key of hornet:guest.privateKeyPath, ${path}: ${messageOf(error)}`);
  }
}
