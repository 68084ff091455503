/**
 * `npm run doctor [-- -s STACK] [--digests] [--cwd FOLDER]`: examines a stack's droplets and prints missing prerequisites, the stack's things,
 * their drift, things that nobody declares any more, and the command that repairs them. With --digests it also compares every
 * snapshot file there with its manifest, which takes as long as reading them. It changes nothing.
 */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { parseStack, type NamedFleet } from "../../config";
import { resolveDroplet } from "../../components/fleet/resolveDroplet";
import { ConfigFaults } from "../../config/faults";
import { readStackFile } from "../../config/stackFile";
import { hardenOf, limitsOf, ratesOf, type FleetSpec } from "../../config/spec";
import { messageOf } from "../../host/errors";
import { gatherFacts } from "../../host/facts";
import { printable, report } from "../../host/printable";
import type { Session } from "../../host/session/session";
import { Sessions } from "../../host/session/sessions";
import { shortName } from "../../automation/place";
import { stackOptions } from "../open";
import { NOBODY, inspect, type Inspection } from "./inspection";
import { labelsOn, type Labels } from "./label";
import type { Observed } from "../../model/observed";
import { ownerName } from "../../model/owner";
import { planFleet } from "../../model/names";
import { networkOf } from "../../components/fleet/network";
import { needsOf } from "../../components/fleet/snapshotNeeds";
import { hardenedText, hardeningDrift, parseHardened } from "../../plan/preflight/hardening";
import { hostScore, pointWords } from "../../plan/preflight/host";
import { limitDrift, parseRaised, raisedText } from "../../plan/preflight/limits";
import { missingController } from "../../plan/preflight/vmLimits";
import { declaredLimitsOf } from "../../components/fleet/declaredLimits";
import { unlimited } from "../../plan/vm/unlimited";
import { hashTolerantly, inspectFiles } from "../../providers/artifact/files";
import { manifestsOn } from "../../providers/artifact/transfer";
import { lookAtDroplet, type Seen } from "../../providers/droplet/preflight";
import { snapshotNeeds } from "../../providers/artifact/locate";
import { LOCAL, checkout, localPaths } from "../../operator/localPaths";

/** The command's exit code: 0 if all is well, 1 if something needs repair, 2 if it could not examine the droplet. */
export async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: { ...stackOptions, digests: { type: "boolean" } } });
  const sessions = new Sessions();
  try {
    return await examine(sessions, values, values.digests === true);
  } catch (error) {
    report(`error: ${messageOf(error)}`);
    return 2;
  } finally {
    await sessions.close();
  }
}

/** Examines each droplet of a stack; one that cannot be reached delays no other. */
async function examine(
  sessions: Sessions,
  { stack, cwd }: { readonly stack: string; readonly cwd?: string | undefined },
  digests: boolean,
): Promise<number> {
  let code = 0;
  for (const { name, spec } of fleetsOf(stack, cwd)) {
    try {
      code = Math.max(code, await examineFleet(sessions, { stack, name, spec }, digests));
    } catch (error) {
      report(`error: ${name === undefined ? "" : `${name}: `}${messageOf(error)}`);
      code = 2;
    }
  }
  return code;
}

async function examineFleet(
  sessions: Sessions,
  { stack, name, spec }: NamedFleet & { readonly stack: string },
  digests: boolean,
): Promise<number> {
  const key = name === undefined ? "hornet:droplet" : `hornet:droplets.${name}`;
  const { droplet } = resolveDroplet(spec.droplet, { stack, key });
  const session = sessions.of(droplet);
  const labels = await readLabels(session, spec, stack, name);
  const owner = labels.own ?? NOBODY;
  const observed = await gatherFacts(session, { ...vars(spec), owner }, { ignoreLock: true });
  const verdict = await preflight(sessions, session, spec, observed, owner);
  const found = withPreflight(inspect(spec, owner, observed, session.scripts.digest, verdict.manifests), verdict);
  const holder = await session.call({ what: "ask who holds the lock", run: "lock_holder" });
  print(name === undefined ? session.name : `${name} (${session.name})`, stack, labels, found, verdict, holder);
  section(`security of the droplet: ${hostScore(verdict.host)}`, verdict.host.flatMap(pointWords), "nothing to change");
  section("not limited", freeResources(spec, verdict), "nothing");
  const damaged = digests ? await damagedFiles(session, spec.snapshot.dir) : [];
  if (digests) section("files of snapshots that are not what their manifest says", damaged, "none");
  const wrong = [verdict.faults, found.drift, found.orphans, found.taken, damaged].some((list) => list.length > 0);
  return wrong ? 1 : 0;
}

/** The resources that VMMs use without a limit. */
function freeResources(spec: FleetSpec, { facts }: Seen): string[] {
  const clones = planFleet(spec).map(({ name, id }) => ({
    name,
    limits: limitsOf(spec, id),
    rates: ratesOf(spec, id),
  }));
  return unlimited(clones, (controller) => missingController(facts, controller));
}

function fleetsOf(stack: string, cwd = checkout): readonly NamedFleet[] {
  const { config } = localPaths();
  const isLocal = stack === LOCAL && cwd === checkout;
  // The copy of the stack local's config also has the values that were set on it.
  const file = isLocal && existsSync(config) ? config : join(resolve(cwd), `Pulumi.${shortName(stack)}.yaml`);
  if (!existsSync(file)) throw new Error(`there is no ${file}; which stack is meant? npm run doctor -- -s STACK`);
  const { raw, secretKeys } = readStackFile(file);
  const parsed = parseStack(raw, { secretKeys });
  if (!parsed.ok) throw new ConfigFaults(stack, parsed.faults);
  return parsed.fleets;
}

function vars(spec: FleetSpec): Readonly<Record<"runtime_dir" | "vmm_timeout_ms", string>> {
  return { runtime_dir: spec.vmm.runtimeDir, vmm_timeout_ms: String(spec.vmm.timeout * 1000) };
}

/** The owner labels on a fleet's droplet: the engine, which knows the stack's own, does not run. */
async function readLabels(session: Session, spec: FleetSpec, stack: string, name: string | undefined): Promise<Labels> {
  const observed = await gatherFacts(session, { ...vars(spec), owner: NOBODY }, { ignoreLock: true });
  const { knownAs } = spec.fleet;
  if (name === undefined) return labelsOn(observed, stack, knownAs);
  return labelsOn(observed, `${stack}/${name}`, knownAs === undefined ? undefined : `${knownAs}/${name}`);
}

async function preflight(
  sessions: Sessions,
  session: Session,
  spec: FleetSpec,
  observed: Observed,
  owner: string,
): Promise<Seen> {
  return lookAtDroplet({
    session,
    sessionWith: (connection) => sessions.of(connection),
    vars: { ...vars(spec), owner },
    owner,
    runtimeDir: spec.vmm.runtimeDir,
    dir: spec.snapshot.dir,
    firecracker: spec.vmm.firecracker,
    jailer: spec.vmm.jailer,
    bridge: spec.bridge.name,
    network: {
      ...networkOf(spec, planFleet(spec)),
      bridge: spec.bridge.name,
      owner,
      known: Object.keys(observed.bridges),
    },
    needs: snapshotNeeds.parse(needsOf(spec)),
    limits: declaredLimitsOf(spec),
    harden: hardenOf(spec),
    namespaces: planFleet(spec).map(({ namespace }) => namespace),
    claims: observed.claims,
    vms: observed.vms,
  });
}

/** Adds what Preflight saw of a fleet that is there: raised limits, and packets that do not arrive. */
function withPreflight(found: Inspection, { facts, lost }: Seen): Inspection {
  const raised = parseRaised(raisedText(facts));
  const owned = raised.map(({ key, before, to }) => `limit ${key}, raised from ${before} to ${to}`);
  const hardened = parseHardened(hardenedText(facts)).map(
    ({ key, before, to }) => `${key}, hardened from ${before} to ${to}`,
  );
  return {
    ...found,
    owned: [...found.owned, ...owned, ...hardened],
    drift: [
      ...found.drift,
      ...limitDrift(facts, ""),
      ...hardeningDrift(facts, ""),
      ...(found.owned.length > 0 ? lost : []),
    ],
  };
}

function print(
  droplet: string,
  stack: string,
  { own: label, others, namesakes }: Labels,
  found: Inspection,
  { faults, warnings, versions }: Seen,
  holder: string,
): void {
  const up = stack === LOCAL ? "npm run up" : `pulumi up -s ${stack}`;
  console.log(printable(`stack ${stack} on ${droplet}${label === undefined ? "" : ` (${label})`}`));
  section("missing prerequisites", faults, "nothing: the droplet can carry the fleet");
  section("warnings", [...warnings, ...namesakes.map(namesakeWords)], "nothing");
  section("Firecracker", versions.lines, "none");
  section("lock", holder === "" ? [] : [`held by ${holder}`], "free");
  section("owned by the stack", found.owned, "nothing");
  section("not as declared", found.drift, "nothing");
  section("left behind, declared by nobody", found.orphans, "nothing");
  section("name conflicts", found.taken, "nothing");
  section("other stacks there", others.map(ownerName).sort(), "none");
  if (found.drift.length + found.orphans.length > 0) console.log(`\nrepair it with: ${up}`);
  if (found.taken.length > 0)
    console.log("\nchoose other ids with hornet:fleet.startId, or take them over with hornet:fleet.adopt");
}

function namesakeWords(label: string): string {
  return `${label} is the label of another state with the same project and stack name; this report is not about it`;
}

/** Prints one part of the report: a title, and its lines. */
export function section(title: string, lines: readonly string[], none: string): void {
  console.log(title);
  for (const line of lines.length === 0 ? [none] : lines) console.log(`  ${printable(line)}`);
}

/** The files of Hornet's artifacts that are missing or differ from their manifest. */
async function damagedFiles(session: Session, dir: string): Promise<string[]> {
  const files = [...(await manifestsOn(session, dir))].flatMap(([folder, manifest]) =>
    Object.entries(manifest.files).map(([name, { sha256 }]) => ({ path: `${folder}/${name}`, sha256 })),
  );
  const there = await inspectFiles(
    session,
    files.map(({ path }) => path),
  );
  const hashes = await hashTolerantly(session, Object.keys(there));
  return files.filter(({ path, sha256 }) => hashes.get(path)?.sha256 !== sha256).map(({ path }) => path);
}
