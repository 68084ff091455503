import { z } from "zod";
import { manifestSchema } from "../firecracker/manifest";
import { HornetError } from "../host/errors";
import { judge, parseDropletFacts, type Verdict } from "../plan/preflight";
import { commonInputs, makeProvider, type Definition } from "./define";
import { commonVars, observe, observeToChange, sessionFor, touch } from "./droplet";
import { absolutePath, namespaceName } from "./fields";
import { defaults } from "../config/defaults";

/** What the fleet will need of the droplet; checked before anything there is changed. */
const needs = z.object({
  /** A guest's memory in MiB; 0 where the snapshot alone knows it. */
  memory: z.number().int().nonnegative(),
  files: z.array(z.object({ path: absolutePath, key: z.string() })),
  /** The file that every clone gets a copy of; empty where the snapshot alone knows it. */
  disk: z.string(),
  /** The folder of a snapshot that is there already; empty where it will be made. */
  snapshot: z.string(),
  /** The snapshot is to be brought from another droplet. */
  transfer: z.boolean().default(false),
});

const inputs = commonInputs.extend({
  /** The namespaces that the program declares. Others that carry the stack's mark are orphans. */
  namespaces: z.array(namespaceName),
  /** The folder of the artifacts that Hornet makes. */
  dir: absolutePath.default(defaults.artifacts),
  firecracker: absolutePath.default(defaults.firecracker),
  needs: needs.default({ memory: 0, files: [], disk: "", snapshot: "", transfer: false }),
});

const outputs = z.object({
  /** What Preflight warned of. */
  warnings: z.array(z.string()).default([]),
});

type Inputs = z.infer<typeof inputs>;
type Outputs = z.infer<typeof outputs>;

/** The view's name for what is not one resource's own. */
const WHOLE = "the droplet";

/** Holds the droplet against what the fleet needs, by looking only. */
async function preflight(wanted: Inputs): Promise<Verdict> {
  const session = sessionFor(wanted);
  const { claims } = await observeToChange(wanted, WHOLE);
  const mine = new Set(claims.filter(({ owner }) => owner === wanted.owner).map(({ name }) => name));
  const paths = wanted.needs.files.map(({ path }) => path).join("\n");
  const text = await session.call({
    what: "look at the droplet",
    run: "preflight_facts",
    vars: {
      ...commonVars(wanted),
      dir_of_artifacts: wanted.dir,
      firecracker: wanted.firecracker,
      paths,
      more_tools: moreTools(wanted),
    },
  });
  return judge(parseDropletFacts(text), {
    ...wanted.needs,
    firecracker: wanted.firecracker,
    runtimeDir: wanted.runtimeDir,
    artifactsDir: wanted.dir,
    clones: wanted.namespaces.length,
    newClones: wanted.namespaces.filter((name) => !mine.has(name)).length,
    snapshot: await madeWith(wanted),
    clock: Date.now() / 1000,
  });
}

function moreTools({ needs: { transfer } }: Inputs): string {
  return transfer ? "perl zstd" : "";
}

/** The format and CPU of a snapshot that has a manifest. */
async function madeWith({
  needs: { snapshot },
  ...wanted
}: Inputs): Promise<{ format: string; cpu: string } | undefined> {
  if (snapshot === "") return undefined;
  const vars = { path: snapshot };
  const text = await sessionFor({ ...wanted }).call({ what: "read a manifest", run: "read_manifest", vars });
  const parsed = text === "" ? undefined : manifestSchema.safeParse(JSON.parse(text));
  return parsed?.success === true ? { format: parsed.data.snapshotFormat, cpu: parsed.data.cpu } : undefined;
}

/** Preflight, then the sweep: nothing is changed on a droplet that cannot carry the fleet. */
async function claim(wanted: Inputs, keep: readonly string[]): Promise<Outputs> {
  const { faults, warnings } = await preflight(wanted);
  if (faults.length > 0) {
    throw new HornetError(
      [`${sessionFor(wanted).name} cannot carry this fleet; nothing was changed:`, ...faults].join("\n  - "),
    );
  }
  for (const warning of warnings) console.error(`warning: ${sessionFor(wanted).name}: ${warning}`);
  await sweep(wanted, keep, false);
  return { warnings: [...warnings] };
}

async function sweep(wanted: Inputs, keep: readonly string[], all: boolean): Promise<void> {
  touch(wanted, WHOLE);
  await sessionFor(wanted).call({
    what: all ? "take away all that the stack has on the droplet" : "take away what an earlier run left behind",
    run: "sweep",
    vars: { ...commonVars(wanted), dir_of_artifacts: wanted.dir, keep: keep.join(" "), all: all ? "1" : "" },
    patience: 5,
  });
}

const definition: Definition<Inputs, Outputs> = {
  kind: "DropletClaim",
  inputs,
  outputs,
  replaceOn: ["droplet", "owner", "runtimeDir"],
  id: ({ owner }) => owner,
  create: (wanted) => claim(wanted, wanted.namespaces),
  read: async (state) => {
    const { claims } = await observe(state, WHOLE);
    const mine = claims.filter(({ owner }) => owner === state.owner).map(({ name }) => name);
    const orphans = mine.filter((name) => !state.namespaces.includes(name)).map((name) => `${name} was left behind`);
    const { faults } = await preflight({ ...state, namespaces: mine });
    return { outputs: { warnings: state.warnings }, drift: [...orphans, ...faults] };
  },
  // What the state still knows is deleted by its own resources, which know how; only what nobody knows is swept here.
  update: (state, wanted) => claim(wanted, [...new Set([...state.namespaces, ...wanted.namespaces])]),
  delete: (state) => sweep(state, [], true),
};

/**
 * The stack's claim to a droplet: the first resource of a fleet and the last to go. It checks that the droplet can carry
 * the fleet before anything is changed, and takes away what carries the stack's mark and stands in no state, because a
 * run was cut off or a state was lost.
 */
export const provider = makeProvider(definition);
