import { artifactFolder } from "../../model/layout";
import * as pulumi from "@pulumi/pulumi";
import type { z } from "zod";
import { resolveDroplet } from "./resolveDroplet";
import type { FleetSpec } from "../../config/spec";
import { messageOf } from "../../host/errors";
import { printableLines } from "../../host/printable";
import { needsOf } from "./snapshotNeeds";
import type { bootSource, fromSource } from "../../providers/artifact/inputs";
import { readAgent } from "../../providers/artifact/agent";
import { describeTransfer } from "../../providers/artifact/transferEstimate";
import type { DropletNeeds } from "../dropletCheck";
import { omitUndefined } from "../omitUndefined";
import { resourceName } from "../../model/names";
import type { DropletArgs } from "../resource";
import type { SnapshotArtifactArgs } from "../snapshotArtifact";

type BootArgs = z.input<typeof bootSource>;
type FromArgs = z.input<typeof fromSource>;

/** A stack's snapshot for other stacks: its output `snapshot`. */
export interface SnapshotSummary {
  /** `sha256:…` of its manifest. */
  digest: string;
  /** Its folder on the droplet. */
  path: string;
  droplet: DropletArgs;
  runtimeDir: string;
  /** The digest with which the fleet became ready and passed its smoke tests; empty if it has proved none. */
  proved: string;
  /** How many droplets the stack has; undefined for one. */
  droplets?: number;
}

/** References to other stacks, one for each stack: two fleets that follow the same one would declare the same resource. */
export class OtherStacks {
  private readonly known = new Map<string, pulumi.StackReference>();

  /** @param fleet the name of the only fleet that uses them; undefined for the fleet `fleet`, and for all fleets of a stack */
  constructor(private readonly fleet?: string) {}

  /** @param name `organization/project/stack` */
  of(name: string): pulumi.StackReference {
    const reference = this.known.get(name) ?? new pulumi.StackReference(resourceName(this.fleet, name), { name });
    this.known.set(name, reference);
    return reference;
  }
}

/**
 * The source of a spec's snapshot, as an argument of SnapshotArtifact.
 *
 * @param target the fleet's droplet
 */
export function sourceArgs(spec: FleetSpec, target: DropletArgs, stacks: OtherStacks): SnapshotArtifactArgs["source"] {
  const { source } = spec.snapshot;
  switch (source.kind) {
    case "path":
      return { path: source.path };
    case "boot":
      return { boot: { ...source.boot, ...cloudInitOf(spec), ...agentArgs(spec.agent.source) } as never };
    case "droplet": {
      const { droplet } = resolveDroplet(source.droplet, { stack: pulumi.getStack(), concurrency: "auto" });
      return { from: { droplet, path: source.path } };
    }
    case "stack":
      return { from: fromStack(source.stack, spec, target, stacks) };
  }
}

function cloudInitOf({ guest }: FleetSpec): Pick<BootArgs, "cloudInit"> {
  return guest.identity === "cloud-init" ? { cloudInit: true } : {};
}

/** The digest makes a changed agent a new snapshot. */
function agentArgs(path: string | undefined): Pick<BootArgs, "agent"> {
  if (path === undefined) return {};
  try {
    return { agent: { path, digest: readAgent(path).digest } };
  } catch (error) {
    throw new pulumi.RunError(printableLines(messageOf(error)));
  }
}

function fromStack(stack: string, spec: FleetSpec, target: DropletArgs, stacks: OtherStacks): pulumi.Output<FromArgs> {
  const { digest, dir, requireProof } = spec.snapshot;
  const name = stack.includes("/") ? stack : `${pulumi.getOrganization()}/${pulumi.getProject()}/${stack}`;
  return stacks
    .of(name)
    .getOutput("snapshot")
    .apply((value: unknown) => {
      const there = value as SnapshotSummary | undefined;
      if (there === undefined && digest !== undefined) {
        // If the pinned snapshot is on the droplet, the other stack is not needed.
        void pulumi.log.warn(
          `the stack ${stack} has no snapshot any more: Hornet can use only one that is already on the droplet`,
        );
        const proofs = requireProof && { proofs: spec.vmm.runtimeDir };
        return { droplet: target, path: artifactFolder(dir, digest), ...proofs };
      }
      if (there === undefined) {
        throw new pulumi.RunError(
          `the stack ${stack} (hornet:snapshot.from.stack) has no snapshot: bring it up first with pulumi up -s ${stack}`,
        );
      }
      const unproved = requireProof ? whyUnproved(stack, there, digest) : undefined;
      if (unproved !== undefined) throw new pulumi.RunError(unproved);
      const { path, droplet, runtimeDir } = there;
      // A pinned snapshot keeps its folder when the other stack moves to the next one.
      const pinned = digest === undefined || digest === there.digest ? path : besides(path, digest);
      return { droplet, path: pinned, ...(requireProof && { proofs: runtimeDir }) };
    });
}

/**
 * Why a stack with several droplets has not proved its snapshot. The record on one droplet says nothing about the others; with
 * one droplet, that record decides.
 *
 * @param digest the pinned one
 */
export function whyUnproved(stack: string, there: SnapshotSummary, digest: string | undefined): string | undefined {
  if (there.droplets === undefined || there.proved === there.digest) return undefined;
  if (digest !== undefined && digest !== there.digest) return undefined;
  return (
    `the stack ${stack} (hornet:snapshot.from.stack) has not proved ${there.digest} on all of its ${there.droplets} droplets: ` +
    `run pulumi up -s ${stack}, which says why, or set hornet:snapshot.requireProof to false`
  );
}

function besides(path: string, digest: string): string {
  return artifactFolder(path.slice(0, path.lastIndexOf("/")), digest);
}

/** Shows in a preview what an `up` would transfer. */
export function announce(
  source: SnapshotArtifactArgs["source"],
  target: DropletArgs,
  { dir, digest }: FleetSpec["snapshot"],
  resource: pulumi.Resource,
): void {
  if (!pulumi.runtime.isDryRun()) return;
  pulumi.output(source).apply(async (known) => {
    if (!("from" in known)) return;
    const line = await describeTransfer({ from: known.from, to: { droplet: target, dir }, digest });
    await pulumi.log.info(line, resource);
  });
}

/**
 * The needs of the fleet's snapshot, with its source.
 *
 * @param shared whether a snapshot that is not on this droplet comes from another one of the stack
 */
export function dropletNeeds(
  spec: FleetSpec,
  source: SnapshotArtifactArgs["source"],
  shared: boolean,
): pulumi.Output<DropletNeeds> {
  const needs = needsOf(spec);
  const declared = shared && !needs.boots ? { ...needs, files: [] } : needs;
  const { digest, signers } = spec.snapshot;
  return pulumi
    .output(source)
    .apply((known) => ("from" in known ? { ...declared, ...known, ...omitUndefined({ digest, signers }) } : declared));
}
