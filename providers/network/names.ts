import { z } from "zod";
import { parseTable } from "../../host/facts";
import { report } from "../../host/printable";
import { bridgeArguments, egressList } from "../../model/arguments/network";
import { ipv4, MOST_CLONES } from "../../model/values";
import { namesDrift, namesFiles, namesTableName } from "../../plan/network/names";
import { fingerprint, tableDrift } from "../../plan/network/nft";
import { cleanUpAfter } from "../kit/cleanUpAfter";
import { commonInputs } from "../kit/definition";
import { owned } from "../kit/owned";
import { commonVars } from "../operation/common";
import type { Droplet } from "../operation/droplet";

/** The arguments of a NameServer. */
export const namesInputs = commonInputs.extend({
  /** The bridge that the clones are ports of. */
  bridge: bridgeArguments.name,
  /** The bridge's own address, where the name server listens. */
  address: ipv4,
  /** Which clones may open connections to which names. */
  policies: z.array(z.strictObject({ clones: z.array(ipv4).min(1).max(MOST_CLONES), egress: egressList })),
});

const outputs = z.object({
  /** Fingerprint of the kernel's listing right after Hornet wrote the rules; see plan/network/nft.ts. */
  rules: z.array(z.string()),
});

type Inputs = z.infer<typeof namesInputs>;
type Outputs = z.infer<typeof outputs>;

/** The key of the name server in the droplet's view; it belongs to no clone. */
const VIEW_KEY = "the names";

async function start(droplet: Droplet, desired: Inputs): Promise<Outputs> {
  const answer = await droplet.change(VIEW_KEY, {
    what: "start the guests' name server",
    run: "keep_names",
    vars: { ...commonVars(desired), ...namesFiles(desired) },
    hint: "hornet:fleet.egress with names needs a name server on the droplet",
  });
  const [listing = "", ...unresolved] = answer.trimEnd().split("\n");
  warnUnresolved(droplet, unresolved);
  return { rules: fingerprint(parseTable(listing)) };
}

async function stop(droplet: Droplet, state: Inputs): Promise<void> {
  await droplet.change(VIEW_KEY, {
    what: "stop the guests' name server",
    run: "release_names",
    vars: commonVars(state),
  });
}

/** @param unresolved lines `NAME REASON` */
function warnUnresolved(droplet: Droplet, unresolved: readonly string[]): void {
  for (const line of unresolved.filter((one) => one !== "")) {
    const [name = "", ...reason] = line.split(" ");
    report(`warning: ${droplet.name}: ${name} (hornet:fleet.egress) ${reason.join(" ")}; guests cannot reach it`);
  }
}

/**
 * The guests' name server on a droplet: dnsmasq, and a filter in front of it that decides which clone may ask for which name
 * and opens the addresses of an answer for the lifetime of its records.
 */
export const definition = owned<Inputs, Outputs>({
  kind: "NameServer",
  inputs: namesInputs,
  outputs,
  replaceOn: ["droplet", "owner", "runtimeDir"],
  id: ({ owner }) => owner,
  create: (droplet, desired) =>
    cleanUpAfter(
      () => start(droplet, desired),
      () => stop(droplet, desired),
    ),
  read: async (droplet, state) => {
    const observed = await droplet.observe(state, VIEW_KEY);
    const tableName = namesTableName(state.owner);
    const table = observed.tables.find(({ name }) => name === tableName);
    warnUnresolved(droplet, observed.names?.unresolved ?? []);
    const drift = [...namesDrift(state, observed), ...tableDrift(tableName, state.rules, table)];
    return { outputs: { rules: state.rules }, drift };
  },
  update: (droplet, _state, desired) => start(droplet, desired),
  delete: stop,
});
