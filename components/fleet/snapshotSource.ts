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
import type { DropletArgs } from "../resource";
import type { SnapshotArtifactArgs } from "../snapshotArtifact";

type BootArgs = z.input<typeof bootSource>;
type FromArgs = z.input<typeof fromSource>;

/** What a stack tells others of the snapshot that it runs; its output `snapshot`. */
export interface SnapshotSummary {
  /** `sha256:…` of its manifest. */
  digest: string;
  /** Its folder on the droplet. */
  path: string;
  droplet: DropletArgs;
  runtimeDir: string;
  /** The digest that the fleet came up with, ready and through its smoke tests; empty where it has proved none. */
  proved: string;
}

/**
 * Where a spec's snapshot comes from, as a SnapshotArtifact takes it.
 *
 * @param target the fleet's own droplet
 */
export function sourceArgs(spec: FleetSpec, target: DropletArgs): SnapshotArtifactArgs["source"] {
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
      return { from: fromStack(source.stack, spec, target) };
  }
}

function cloudInitOf({ guest }: FleetSpec): Pick<BootArgs, "cloudInit"> {
  return guest.identity === "cloud-init" ? { cloudInit: true } : {};
}

/** The digest is what makes another agent another snapshot. */
function agentArgs(path: string | undefined): Pick<BootArgs, "agent"> {
  if (path === undefined) return {};
  try {
    return { agent: { path, digest: readAgent(path).digest } };
  } catch (error) {
    throw new pulumi.RunError(printableLines(messageOf(error)));
  }
}

function fromStack(stack: string, spec: FleetSpec, target: DropletArgs): pulumi.Output<FromArgs> {
  const { digest, dir, requireProof } = spec.snapshot;
  const name = stack.includes("/") ? stack : `${pulumi.getOrganization()}/${pulumi.getProject()}/${stack}`;
  const reference = new pulumi.StackReference(name);
  return reference.getOutput("snapshot").apply((value: unknown) => {
    const there = value as SnapshotSummary | undefined;
    if (there === undefined && digest !== undefined) {
      // What is pinned and was brought once is on the droplet, or a generation of it: that asks nothing of the other stack.
      void pulumi.log.warn(
        `the stack ${stack} has no snapshot any more: only one that is on the droplet already will do`,
      );
      const proofs = requireProof && { proofs: spec.vmm.runtimeDir };
      return { droplet: target, path: artifactFolder(dir, digest), ...proofs };
    }
    if (there === undefined) {
      throw new pulumi.RunError(
        `the stack ${stack} (hornet:snapshot.from.stack) has no snapshot: bring it up first with pulumi up -s ${stack}`,
      );
    }
    const { path, droplet, runtimeDir } = there;
    // A pinned snapshot stays where it is when the other stack goes on to the next one.
    const pinned = digest === undefined || digest === there.digest ? path : besides(path, digest);
    return { droplet, path: pinned, ...(requireProof && { proofs: runtimeDir }) };
  });
}

function besides(path: string, digest: string): string {
  return artifactFolder(path.slice(0, path.lastIndexOf("/")), digest);
}

/** Says in a preview what an `up` would bring over the wire. */
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

/** What the fleet's snapshot will need of the droplet, with where it comes from. */
export function dropletNeeds(spec: FleetSpec, source: SnapshotArtifactArgs["source"]): pulumi.Output<DropletNeeds> {
  const declared = needsOf(spec);
  const { digest, signers } = spec.snapshot;
  return pulumi
    .output(source)
    .apply((known) => ("from" in known ? { ...declared, ...known, ...omitUndefined({ digest, signers }) } : declared));
}
