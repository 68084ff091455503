/** A fleet as its stack's state has it: what the last operations recorded, without asking a droplet. */
import { z } from "zod";
import { connectionSchema, describeConnection, type Connection } from "../model/connection";
import { defaults } from "../model/defaults";
import { DROPLET_ALIAS } from "../model/names";

const resource = z.object({
  urn: z.string(),
  type: z.string(),
  inputs: z.record(z.string(), z.unknown()).default({}),
  outputs: z.record(z.string(), z.unknown()).default({}),
});

const deployment = z.object({ resources: z.array(resource).nullish() });

/** One clone, as the last operation left it. */
export interface FleetClone {
  readonly name: string;
  /** `root@203.0.113.10:22`, or `this machine`. */
  readonly droplet: string;
  readonly address: string;
  readonly namespace: string;
  /** Its ssh server's public key. */
  readonly sshHostKey: string;
  /** The user that logs in. */
  readonly user: string;
  /** Whether it was seen to answer with its host key; false as well if the stack does not wait for that. */
  readonly ready: boolean;
  /** The drift that the last reading found; `as declared` if none. */
  readonly condition: string;
  /** How its guest got its identity: `service`, `ssh` or `cloud-init`. */
  readonly identityMethod: string;
  /** Changes with every new identity. */
  readonly generation: string;
  /** The digest of the snapshot that it runs. */
  readonly snapshot: string;
  /** The Firecracker that runs it, in words. */
  readonly vmm: string;
  /** ms of each phase of its last start. */
  readonly timings: Readonly<Record<string, number>>;
  readonly urn: string;
}

/** One droplet of a stack. */
export interface FleetDroplet {
  /** `root@203.0.113.10:22`, or `this machine`. */
  readonly name: string;
  /** Its name in the ssh_config: its key in `hornet:droplets`, or `droplet`. */
  readonly alias: string;
  readonly connection: Connection;
  /** The owner labels of the stack's fleets there, each with its runtime folder. */
  readonly owners: readonly { readonly owner: string; readonly runtimeDir: string }[];
  /** The digest of the snapshot that its clones run or move to; empty if it has none. */
  readonly snapshot: string;
  /** The digests of the snapshots that it keeps, the current one first. */
  readonly generations: readonly string[];
  /** The ssh_config that leads to its clones, from the program's folder; empty if there is none. */
  readonly sshConfig: string;
}

/** The fleet in a stack's state. */
export interface FleetState {
  readonly droplets: readonly FleetDroplet[];
  readonly clones: readonly FleetClone[];
  /** Every resource of the stack's, as the engine names it. */
  readonly resources: readonly { readonly urn: string; readonly type: string }[];
}

/** The state of a stack that has none. */
export const NO_FLEET: FleetState = { droplets: [], clones: [], resources: [] };

const KIND = "pulumi-nodejs:dynamic/hornet:";

const vm = z.object({
  name: z.string(),
  address: z.string().default(""),
  namespace: z.string(),
  artifact: z.object({ digest: z.string().default("") }).optional(),
  user: z.string().default("root"),
  sshHostKey: z.string().default(""),
  ready: z.boolean().default(false),
  condition: z.string().default(""),
  identityMethod: z.string().default(""),
  generation: z.string().default(""),
  vmm: z.string().default(""),
  timings: z.record(z.string(), z.number()).default({}),
});

const onDroplet = z.object({
  droplet: connectionSchema,
  owner: z.string(),
  runtimeDir: z.string().default(defaults.runtimeDir),
});
const snapshot = z.object({ artifact: z.object({ digest: z.string() }), generations: z.array(z.string()).default([]) });
const sshConfig = z.object({ file: z.string(), alias: z.string().default(DROPLET_ALIAS) });

/**
 * Reads the fleet out of a state.
 *
 * @param exported a deployment as `pulumi stack export` prints it
 */
export function readState(exported: unknown): FleetState {
  const all = deployment.parse(exported).resources ?? [];
  const droplets = new Map<string, { -readonly [Key in keyof FleetDroplet]: FleetDroplet[Key] }>();
  const clones: FleetClone[] = [];
  for (const { urn, type, inputs, outputs } of all) {
    if (!type.startsWith(KIND)) continue;
    const props = { ...inputs, ...outputs };
    const there = onDroplet.safeParse(props).data;
    if (there === undefined) continue;
    const name = describeConnection(there.droplet);
    const known = droplets.get(name) ?? {
      ...{
        name,
        alias: DROPLET_ALIAS,
        connection: there.droplet,
        owners: [],
        snapshot: "",
        generations: [],
        sshConfig: "",
      },
    };
    droplets.set(name, known);
    const { owner, runtimeDir } = there;
    if (!known.owners.some((one) => one.owner === owner)) known.owners = [...known.owners, { owner, runtimeDir }];
    const kind = type.slice(KIND.length);
    if (kind === "SnapshotArtifact") {
      const made = snapshot.safeParse(props).data;
      if (made !== undefined) [known.snapshot, known.generations] = [made.artifact.digest, made.generations];
    }
    // Made first, so that a droplet of which no clone came up is known by its name too.
    if (kind === "DropletClaim") known.alias = /([^:]+)-droplet$/.exec(urn)?.[1] ?? DROPLET_ALIAS;
    if (kind === "SshConfig") {
      const { file = "", alias = DROPLET_ALIAS } = sshConfig.safeParse(props).data ?? {};
      [known.sshConfig, known.alias] = [file, alias];
    }
    if (kind === "FirecrackerVM") {
      const { artifact, ...seen } = vm.parse(props);
      clones.push({ ...seen, droplet: name, snapshot: artifact?.digest ?? "", urn });
    }
  }
  // The engine writes resources in the order in which they came to be.
  const byAlias = [...droplets.values()].sort(
    (one, other) => Number(one.alias > other.alias) - Number(one.alias < other.alias),
  );
  return { droplets: byAlias, clones: clones.sort(byName), resources: all };
}

/** vm2 before vm10. */
function byName(one: FleetClone, other: FleetClone): number {
  const collate = new Intl.Collator("en", { numeric: true });
  return collate.compare(one.droplet, other.droplet) || collate.compare(one.name, other.name);
}

/** The URN of a clone's VM. */
export function urnOf({ clones }: FleetState, clone: string): string | undefined {
  return clones.find(({ name }) => name === clone)?.urn;
}
