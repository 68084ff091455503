import { ARTIFACT, artifactPaths } from "../../model/layout";
import { requestLines } from "../../firecracker/api";
import { CLOUD_INIT_DONE, cloudInitArgs, templateMetadata } from "../../firecracker/cloudInit";
import { usualDevices, type Devices } from "../../firecracker/devices";
import { missingFeatures } from "../../firecracker/cpu";
import { manifestDigest, manifestSchema, manifestText, type Manifest } from "../../firecracker/manifest";
import { atLeast, type Program } from "../../firecracker/programs";
import { isSameGuest, madeBy, recipeKey, type Recipe } from "../../firecracker/recipe";
import { bootRequests, metadataRequest, pauseRequest, snapshotRequest, startRequest } from "../../firecracker/requests";
import { HornetError } from "../../host/errors";
import type { Session } from "../../host/session/session";
import { defaultBootArgs } from "../../plan/vm/repair";
import { sendAgent } from "./agent";
import { artifactsThat } from "./byKey";
import {
  changedSince,
  describeHost,
  hashFiles,
  inspectFiles,
  parseHashes,
  type FileMarks,
  type HostDescription,
} from "./files";
import { hasPeers, type ArtifactInputs, type BootSource, type Origin } from "./inputs";
import { publish } from "./publish";
import { scratchLimits, scratchNamespace, scratchVars } from "./scratch";
import { soundnessOf } from "./whole";
import { cleanUpAfter } from "../kit/cleanUpAfter";
import { openFault } from "./openMetadata";
import type { Droplet } from "../operation/droplet";
import { atGuest } from "../vm/guestError";
import { firstShown } from "../vm/guestShows";
import { jailVars, pathsRead } from "../vm/jail";
import { newestProgram } from "../vm/programs";

/** An existing artifact: its folder and its manifest. */
export interface Found {
  readonly folder: string;
  readonly text: string;
  readonly manifest: Manifest;
  readonly timings: Record<string, number>;
  /** It existed before, so it is not one of the stack's generations. */
  readonly given?: boolean;
  /** Files of the manifest that are outside of its folder: name → path. */
  readonly elsewhere?: Readonly<Record<string, string>>;
  /** Bytes that were transferred for it. */
  readonly transferred?: number;
  /** Size, mtime and inode of its files by name, as they were when their digests were computed. */
  readonly marks?: FileMarks;
  readonly origin?: Origin | undefined;
}

/** A boot with all inputs of its result. */
interface BootPlan {
  readonly boot: BootSource;
  readonly host: HostDescription;
  readonly program: Program;
  readonly recipe: Recipe;
  /** The files that it boots from, as they were when their digests were computed. */
  readonly marks: FileMarks;
}

/** Called with an artifact's digest just before it gets this stack's owner label. */
export type Announce = (digest: string) => void;

/** Makes an artifact, or takes one with the same guest from another droplet. */
export type MakeOnce = (recipe: Recipe, make: () => Promise<Found>) => Promise<Found>;

/**
 * The artifact of a boot: an existing one with the same inputs, else a new one.
 *
 * @param once is called where the droplet has none
 */
export async function bootArtifact(
  droplet: Droplet,
  desired: ArtifactInputs,
  boot: BootSource,
  announce: Announce,
  once: MakeOnce,
): Promise<Found> {
  const plan = await planBoot(droplet, desired, boot);
  const known = await findBoot(droplet, desired, plan, announce);
  if (known !== undefined) return known;
  return once(plan.recipe, () =>
    cleanUpAfter(
      () => makeByBoot(droplet, desired, plan, announce),
      async () => {
        const vars = { ...scratchVars(desired), dir_of_artifacts: desired.dir };
        await droplet.call({ what: "remove what a boot has left", run: "abort_boot", vars });
      },
    ),
  );
}

/** The network interface of the guests that Hornet boots. */
const IFACE = "eth0";

/** With metadata V1 for cloud-init, which requests a session token only if it takes the machine for one of Amazon's. */
function devicesFor({ cloudInit }: BootSource, program: Program): Devices {
  const usual = { ...usualDevices(IFACE), entropy: atLeast(program.version, "1.4") ? {} : null };
  return cloudInit && usual.mmds !== null ? { ...usual, mmds: { ...usual.mmds, version: "V1" } } : usual;
}

async function planBoot(droplet: Droplet, desired: ArtifactInputs, boot: BootSource): Promise<BootPlan> {
  const { session } = droplet;
  const program = await newestProgram(droplet, desired.firecracker);
  const host = await describeHost(session);
  const hashes = await hashFiles(session, [boot.kernel, boot.rootfs]);
  const usual = defaultBootArgs(desired.guestAddress, desired.tapAddress);
  const given = boot.bootArgs === undefined ? usual : `${usual} ${boot.bootArgs}`;
  const recipe = {
    kernel: hashes.get(boot.kernel)?.sha256 ?? "",
    rootfs: hashes.get(boot.rootfs)?.sha256 ?? "",
    agent: boot.agent?.digest,
    format: program.format,
    // Without the CPU's features: findBoot() compares those, and a kernel that lists more features changes nothing.
    cpu: host.cpu,
    hostKernel: host.kernel,
    bootArgs: boot.cloudInit ? cloudInitArgs(given) : given,
    diskPath: `${desired.dir}/${boot.name}/${ARTIFACT.disk}`,
    memory: boot.memory,
    vcpus: boot.vcpus,
    tap: desired.tap,
    guestMac: desired.guestMac,
  };
  const marks = Object.fromEntries([...hashes].map(([path, digest]) => [path, digest.marks]));
  return { boot, host, program, recipe, marks };
}

async function findBoot(
  droplet: Droplet,
  desired: ArtifactInputs,
  { recipe, boot, host }: BootPlan,
  announce: Announce,
): Promise<Found | undefined> {
  const { session } = droplet;
  // Another droplet of the stack may have made it, whose CPU or kernel is another.
  const fits = (one: Manifest): boolean => madeBy(one, recipe) || (hasPeers(desired) && isSameGuest(one, recipe));
  const all = await artifactsThat(session, desired.dir, fits);
  const own = all.filter(({ manifest }) => madeBy(manifest, recipe));
  for (const { folder, text, manifest } of [...own, ...all.filter((one) => !own.includes(one))]) {
    if (missingFeatures(manifest.cpuFeatures, host.cpuFeatures).length > 0) continue;
    const { whole, marks } = await soundnessOf(droplet, desired, folder, manifest, "retire");
    if (!whole) continue;
    announce(manifestDigest(text));
    await publish(droplet, desired, text, boot.name);
    return { folder, text, manifest, marks, timings: {} };
  }
  return undefined;
}

async function makeByBoot(
  droplet: Droplet,
  desired: ArtifactInputs,
  plan: BootPlan,
  announce: Announce,
): Promise<Found> {
  const { session } = droplet;
  const { boot, program } = plan;
  const { diskPath, bootArgs } = plan.recipe;
  const begun = Date.now();
  const requests = [
    ...bootRequests({
      version: program.version,
      kernel: boot.kernel,
      bootArgs,
      diskPath,
      iface: IFACE,
      tap: desired.tap,
      guestMac: desired.guestMac,
      memory: boot.memory,
      vcpus: boot.vcpus,
      devices: devicesFor(boot, program),
    }),
    ...(boot.cloudInit ? [metadataRequest(templateMetadata())] : []),
    startRequest,
  ];
  const shown = pathsRead(requests).filter((path) => path !== diskPath);
  const jail = await jailVars(droplet, desired, program, { shown });
  if (boot.agent !== undefined) await sendAgent(session, scratchVars(desired), boot.agent);
  await session.call({
    what: `boot ${boot.rootfs}`,
    run: "begin_scratch",
    vars: {
      ...scratchVars(desired),
      firecracker: program.path,
      ...jail,
      ...scratchLimits(boot.memory),
      disk_path: diskPath,
      disk_source: boot.rootfs,
      disk_copy: "1",
      tap: desired.tap,
      tap_mac: desired.tapMac,
      tap_address: desired.tapAddress,
      agent: boot.agent === undefined ? "" : "1",
    },
    stdin: requestLines(requests),
    patience: 10,
  });
  const identity = await watchBoot(droplet, desired, boot);
  const booted = Date.now();
  const folder = `${desired.runtimeDir}/${scratchNamespace(desired)}`;
  const hashes = await session.call({
    what: "take the snapshot",
    run: "take_snapshot",
    vars: {
      ...scratchVars(desired),
      dir_of_artifacts: desired.dir,
      kernel: boot.kernel,
      // A slow disk makes writing the memory as slow as the boot.
      vmm_timeout_ms: String(Math.max(boot.timeout, desired.vmmTimeout) * 1000),
    },
    stdin: requestLines([pauseRequest, snapshotRequest(artifactPaths(folder).state, artifactPaths(folder).memory)]),
    patience: 60,
  });
  await refuseChanged(session, plan);
  const manifest = compose(desired, plan, identity, hashes);
  const text = manifestText(manifest);
  announce(manifestDigest(text));
  return {
    folder: await publish(droplet, desired, text, boot.name),
    text,
    manifest,
    timings: { boot: booted - begun, snapshot: Date.now() - booted },
  };
}

/** The VM must have booted from the files whose digests are part of the recipe's key. */
async function refuseChanged(session: Session, { marks }: BootPlan): Promise<void> {
  const now = await inspectFiles(session, Object.keys(marks));
  const changed = Object.keys(marks).find((path) => now[path] !== marks[path]);
  if (changed !== undefined) throw changedSince(session, changed);
}

/** Waits until the guest is up: its cloud-init (if any) is done, and its identity service waits or its ssh answers. */
async function watchBoot(
  droplet: Droplet,
  desired: ArtifactInputs,
  boot: BootSource,
): Promise<Pick<Manifest, "identity" | "metadata">> {
  const { session } = droplet;
  const deadline = Date.now() + boot.timeout * 1000;
  const folder = `${desired.runtimeDir}/${scratchNamespace(desired)}`;
  const guest = {
    ...{ session, folder, address: desired.guestAddress, namespace: scratchNamespace(desired) },
    name: `the guest of ${boot.rootfs}`,
  };
  const limit = (): number => Math.max(0, deadline - Date.now());
  return atGuest(droplet, { ...desired, namespace: scratchNamespace(desired) }, async () => {
    const done = boot.cloudInit
      ? await firstShown(guest, { service: CLOUD_INIT_DONE, ssh: false, limit: limit() })
      : "";
    const shown =
      done === undefined ? done : await firstShown(guest, { service: "waiting", ssh: true, limit: limit() });
    if (shown === "ssh") return { identity: shown };
    if (shown === "service") return serviceOf(guest.name, await metadataAccess(droplet, desired, ""));
    const end = `within ${boot.timeout} s (hornet:snapshot.boot.timeout) on ${session.name}`;
    if (done === undefined) throw new HornetError(`cloud-init in ${guest.name} was not done ${end}`);
    throw new HornetError(`${guest.name} was not up ${end}`);
  });
}

/** Who may read the metadata in the guest of a boot or a trial; see access_said in droplet/artifact/scratch.sh. */
export function metadataAccess(droplet: Droplet, desired: ArtifactInputs, generation: string): Promise<string> {
  const vars = { ...scratchVars(desired), generation };
  return droplet.call({ what: "ask who may read a guest's metadata", run: "access_said", vars });
}

/** An older service does not report the access; its clones get no identity (see providers/vm/start.ts). */
function serviceOf(guest: string, access: string): Pick<Manifest, "identity" | "metadata"> {
  const reason = access.startsWith("open") ? access.slice("open ".length).trim() : "";
  if (reason !== "") throw openFault(guest, reason);
  return { identity: "service", ...(access === "closed" && { metadata: access }) };
}

function compose(
  desired: ArtifactInputs,
  { boot, host, program, recipe }: BootPlan,
  identity: Pick<Manifest, "identity" | "metadata">,
  hashes: string,
): Manifest {
  const files = [...parseHashes(hashes)].map(([path, { sha256, size }]) => [
    path.slice(path.lastIndexOf("/") + 1),
    { sha256, size },
  ]);
  return manifestSchema.parse({
    format: 1,
    files: Object.fromEntries(files) as unknown,
    firecracker: program.version,
    snapshotFormat: program.format,
    cpu: host.cpu,
    cpuFeatures: host.cpuFeatures,
    hostKernel: host.kernel,
    guest: { address: desired.guestAddress, mac: desired.guestMac, tap: desired.tapAddress },
    diskPath: recipe.diskPath,
    tap: desired.tap,
    iface: IFACE,
    devices: devicesFor(boot, program),
    memory: boot.memory,
    vcpus: boot.vcpus,
    ...identity,
    bootArgs: recipe.bootArgs,
    made: {
      at: new Date().toISOString(),
      from: `boot of ${boot.kernel} and ${boot.rootfs}`,
      key: recipeKey(recipe),
      rootfs: recipe.rootfs,
      agent: recipe.agent,
    },
  });
}
