import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import type { Manifest } from "./manifest";

/** All that the result of a boot depends on. Files count by their content, as sha256. */
export interface Recipe {
  readonly kernel: string;
  readonly rootfs: string;
  /** The digest of the agent that is put into the disk. */
  readonly agent?: string | undefined;
  /** The VMM's snapshot format, and the machine: its CPU model and kernel. */
  readonly format: string;
  readonly cpu: string;
  readonly hostKernel: string;
  readonly bootArgs: string;
  readonly diskPath: string;
  /** MiB */
  readonly memory: number;
  readonly vcpus: number;
  readonly tap: string;
  readonly guestMac: string;
}

/**
 * The key of a recipe: two boots of one key give artifacts that are as good as each other. It has the VMM's format and not its
 * version, so that a patch release needs no new snapshot and a new format does.
 */
export function recipeKey(recipe: Recipe): string {
  const { format, cpu, hostKernel: kernel } = recipe;
  return keyOf(recipe, { format, cpu, kernel });
}

/** The key that Hornet gave before, which had the VMM's version in it. */
export function earlierKey(recipe: Recipe, firecracker: string): string {
  const { format, cpu, hostKernel: kernel } = recipe;
  return keyOf(recipe, { firecracker, format, cpu, kernel });
}

function keyOf(recipe: Recipe, host: object): string {
  const { kernel, rootfs, agent, bootArgs, diskPath, memory, vcpus, tap, guestMac } = recipe;
  const files = [kernel, rootfs];
  const ingredients = [...files, host, bootArgs, diskPath, memory, vcpus, ...(agent === undefined ? [] : [agent])];
  return createHash("sha256")
    .update(JSON.stringify([ingredients, tap, guestMac]))
    .digest("hex");
}

/** Whether an artifact was made by this recipe. */
export function madeBy({ made, firecracker }: Manifest, recipe: Recipe): boolean {
  return made.key === recipeKey(recipe) || made.key === earlierKey(recipe, firecracker);
}

/** Whether an artifact has the guest of a recipe, made on a machine whose CPU or kernel may be another. */
export function isSameGuest(manifest: Manifest, recipe: Recipe): boolean {
  const { kernel, format, rootfs, agent, bootArgs, diskPath, memory, vcpus, tap, guestMac } = recipe;
  return (
    manifest.files.vmlinux?.sha256 === kernel &&
    manifest.snapshotFormat === format &&
    isDeepStrictEqual(diskOf(manifest, manifest.made), {
      ...{ rootfs, agent, bootArgs, diskPath, memory, vcpus, tap, guestMac },
    })
  );
}

/**
 * Whether a clone can take its disk along from one artifact to another: both come from one recipe, of which only the VMM, the
 * machine or the guest's kernel is another. The disk then boots under the new ones as an upgraded machine does.
 */
export function keepsDisk(was: Manifest, now: Manifest): boolean {
  const next = diskOf(now, now.made);
  if (next.rootfs === undefined) return false;
  // An earlier Hornet noted no root file system in a manifest: its key tells whether it was this one.
  const isOfNext =
    was.made.rootfs === undefined && was.made.key === earlierKey(recipeOf(was, now.made), was.firecracker);
  return isDeepStrictEqual(diskOf(was, isOfNext ? now.made : was.made), next);
}

type Source = Pick<Manifest["made"], "rootfs" | "agent">;

function diskOf(manifest: Manifest, { rootfs, agent }: Source) {
  const { bootArgs, diskPath, memory, vcpus, tap, guest } = manifest;
  return { rootfs, agent, bootArgs, diskPath, memory, vcpus, tap, guestMac: guest.mac };
}

function recipeOf(manifest: Manifest, source: Source): Recipe {
  const { snapshotFormat: format, cpu, hostKernel, files } = manifest;
  const { rootfs = "", ...disk } = diskOf(manifest, source);
  return { ...disk, rootfs, format, cpu, hostKernel, kernel: files.vmlinux?.sha256 ?? "" };
}
