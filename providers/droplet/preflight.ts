import type { VarsOf } from "../../host/session/calls";
import { manifestDigest, type Manifest } from "../../firecracker/manifest";
import { jailerVar, type JailerSetting } from "../../firecracker/jailer";
import { pathsOf, type ProgramPaths } from "../../firecracker/programs";
import type { Session } from "../../host/session/session";
import type { Connection } from "../../model/connection";
import { parseKeyValues } from "../../model/keyValues";
import { networkVars, type FleetNetwork } from "../../plan/preflight/fleetNetwork";
import { namesIn } from "../../plan/network/nameServer";
import type { DropletFacts } from "../../plan/preflight/facts";
import { LIMIT_KEYS } from "../../plan/preflight/limits";
import type { DeclaredLimits } from "../../plan/preflight/vmLimits";
import type { Observed } from "../../model/observed";
import { identityFault } from "../../plan/vm/identityFault";
import type { HardenPoint } from "../../plan/preflight/hardening";
import { hostWarnings, judgeHost, type HostPoint } from "../../plan/preflight/host";
import { judge, type Verdict } from "../../plan/preflight/judge";
import { reportVersions, type SnapshotInUse, type VersionReport } from "../../plan/preflight/versions";
import { artifactsThat } from "../artifact/byKey";
import { readProofs } from "../artifact/proofs";
import { outlookFrom, sightSnapshot, type SnapshotNeeds } from "../artifact/locate";

/** The input of {@link lookAtDroplet}. */
export interface Look {
  readonly session: Session;
  /** The session with the snapshot's source droplet. */
  readonly sessionWith: (connection: Connection) => Session;
  /** The variables of every library function. */
  readonly vars: VarsOf<"list_unused">;
  readonly owner: string;
  readonly runtimeDir: string;
  /** The folder of the artifacts that Hornet makes. */
  readonly dir: string;
  readonly firecracker: ProgramPaths;
  readonly jailer: JailerSetting;
  readonly bridge: string;
  readonly network?: FleetNetwork | undefined;
  readonly needs: SnapshotNeeds;
  /** The declared limits of VMMs. */
  readonly limits: readonly DeclaredLimits[];
  /** The points that `hornet:droplet.harden` names. */
  readonly harden: readonly HardenPoint[];
  /** The namespaces of the fleet, and those on the droplet with their owners. */
  readonly namespaces: readonly string[];
  readonly claims: readonly { readonly name: string; readonly owner: string }[];
  /** The VMs there, with their snapshots. */
  readonly vms: Observed["vms"];
}

/** The facts about a droplet, and Preflight's verdict. */
export interface Seen extends Verdict {
  readonly facts: DropletFacts;
  readonly versions: VersionReport;
  /** The security of the droplet's kernel and devices, point by point, and what is wrong with it but for what `up` sets. */
  readonly host: readonly HostPoint[];
  readonly hostWarnings: readonly string[];
  /** The manifests of the snapshots that the fleet's VMs were started from, by digest. */
  readonly manifests: ReadonlyMap<string, Manifest>;
}

/** Compares a droplet with a fleet's needs; changes nothing. */
export async function lookAtDroplet({ session, vars, owner, claims, vms, namespaces, ...look }: Look): Promise<Seen> {
  const { runtimeDir, dir, firecracker, jailer, bridge, network, needs, limits, harden, sessionWith } = look;
  const sighting = await sightSnapshot(session, needs, dir, sessionWith);
  // In parallel: over ssh each call takes a round trip.
  const using = snapshotsInUse({ session, vars, owner, dir, vms });
  const looking = session.call({
    what: "inspect the droplet",
    run: "preflight_facts",
    vars: {
      ...vars,
      owner,
      dir_of_artifacts: dir,
      firecracker: pathsOf(firecracker).join("\n"),
      jailer: jailerVar(jailer),
      bridge,
      ...networkVars(network),
      limits: LIMIT_KEYS.join(" "),
      paths: [...new Set([...needs.files.map(({ path }) => path), ...sighting.paths])].join("\n"),
      state_file: sighting.stateFile ?? "",
      more_tools: moreTools(look).join(" "),
    },
  });
  const [text, inUse] = await Promise.all([looking, using]);
  const facts = parseKeyValues(text);
  const versions = reportVersions(facts, inUse, vms);
  const { manifest } = sighting;
  const untold = manifest && identityFault(needs, manifest);
  const there = new Set(claims.filter((claim) => claim.owner === owner).map(({ name }) => name));
  const newClones = namespaces.filter((name) => !there.has(name)).length;
  const moving = namespaces.filter((name) => movesTo(sighting.digest, vms[name]?.record.digest)).length;
  const verdict = judge(facts, {
    firecracker,
    jailer,
    runtimeDir,
    artifactsDir: dir,
    bridge,
    network,
    limits,
    lanes: session.width,
    overSsh: session.overSsh,
    clones: namespaces.length,
    newClones,
    rolling: Math.min(moving, needs.maxUnavailable),
    allClones: claims.length + newClones,
    files: needs.files,
    requireCpuFeatures: needs.requireCpuFeatures,
    outlook: outlookFrom(facts, needs, sighting),
    clock: Date.now() / 1000,
  });
  const hostNeeds = { vms, snapshots: inUse, harden };
  const host = judgeHost(facts, hostNeeds);
  return {
    ...verdict,
    host,
    hostWarnings: hostWarnings(host, facts, hostNeeds),
    faults: [...verdict.faults, ...(sighting.faults ?? []), ...(untold === undefined ? [] : [untold])],
    warnings: [...verdict.warnings, ...sighting.warnings, ...versions.warnings],
    versions,
    manifests: new Map(inUse.map(({ digest, manifest }) => [digest, manifest])),
    facts,
  };
}

/** Programs that a part of the fleets needs. */
function moreTools({ needs, network }: Pick<Look, "needs" | "network">): string[] {
  const names = network?.guests.some(({ egress }) => namesIn(egress)) === true;
  return [...(names ? ["dnsmasq", "setpriv"] : []), ...(needs.transfer ? ["zstd"] : [])];
}

/** Whether a clone that was started from `has` moves to `wanted`; false if one of them is unknown. */
function movesTo(wanted: string | undefined, has: string | undefined): boolean {
  return wanted !== undefined && has !== undefined && wanted !== has;
}

/** The snapshots that the fleet's VMs were started from and whose manifests are on the droplet. */
async function snapshotsInUse({
  session,
  vars,
  owner,
  dir,
  vms,
}: Pick<Look, "session" | "vars" | "owner" | "dir" | "vms">): Promise<
  (SnapshotInUse & { readonly manifest: Manifest })[]
> {
  const clones = new Map<string, string[]>();
  for (const [name, { record }] of Object.entries(vms)) {
    if (record.digest !== undefined) clones.set(record.digest, [...(clones.get(record.digest) ?? []), name]);
  }
  if (clones.size === 0) return [];
  const artifacts = await artifactsThat(session, dir, () => true);
  return Promise.all(
    artifacts.flatMap(({ text, manifest }) => {
      const { snapshotFormat: format, hostKernel } = manifest;
      const digest = manifestDigest(text);
      const names = clones.get(digest);
      if (names === undefined) return [];
      return [
        readProofs(session, vars.runtime_dir, digest).then((proofs) => ({
          ...{ digest, format, hostKernel, manifest, clones: names },
          provedUnder: proofs.filter((proof) => proof.owner === owner).map(({ kernel }) => kernel),
        })),
      ];
    }),
  );
}
