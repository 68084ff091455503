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
  /** What the kernel listed right after the rules were written. */
  rules: z.array(z.string()),
});

type Inputs = z.infer<typeof namesInputs>;
type Outputs = z.infer<typeof outputs>;

/** The view's name for what is not one clone's. */
const NAMES = "the names";

async function keep(droplet: Droplet, wanted: Inputs): Promise<Outputs> {
  const answer = await droplet.change(NAMES, {
    what: "answer the guests' DNS queries",
    run: "keep_names",
    vars: { ...commonVars(wanted), ...namesFiles(wanted) },
    hint: "hornet:fleet.egress with names needs a name server on the droplet",
  });
  const [listing = "", ...unresolved] = answer.trimEnd().split("\n");
  sayUnresolved(droplet, unresolved);
  return { rules: fingerprint(parseTable(listing)) };
}

async function release(droplet: Droplet, state: Inputs): Promise<void> {
  await droplet.change(NAMES, {
    what: "end what answers the guests' DNS queries",
    run: "release_names",
    vars: commonVars(state),
  });
}

/** @param unresolved lines `NAME REASON` */
function sayUnresolved(droplet: Droplet, unresolved: readonly string[]): void {
  for (const line of unresolved.filter((one) => one !== "")) {
    const [name = "", ...reason] = line.split(" ");
    report(`warning: ${droplet.name}: ${name} (hornet:fleet.egress) ${reason.join(" ")}; guests cannot reach it`);
  }
}

/**
 * The guests' name server on a droplet: dnsmasq, and what decides which clone may ask for which name and opens the addresses of
 * the answers for the records' lifetime.
 */
export const definition = owned<Inputs, Outputs>({
  kind: "NameServer",
  inputs: namesInputs,
  outputs,
  replaceOn: ["droplet", "owner", "runtimeDir"],
  id: ({ owner }) => owner,
  create: (droplet, wanted) =>
    cleanUpAfter(
      () => keep(droplet, wanted),
      () => release(droplet, wanted),
    ),
  read: async (droplet, state) => {
    const observed = await droplet.observe(state, NAMES);
    const tableName = namesTableName(state.owner);
    const table = observed.tables.find(({ name }) => name === tableName);
    sayUnresolved(droplet, observed.names?.unresolved ?? []);
    const drift = [...namesDrift(state, observed), ...tableDrift(tableName, state.rules, table)];
    return { outputs: { rules: state.rules }, drift };
  },
  update: (droplet, _state, wanted) => keep(droplet, wanted),
  delete: release,
});
