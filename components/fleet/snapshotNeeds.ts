import { ARTIFACT } from "../../model/layout";
import type { FleetSpec } from "../../config/spec";

/** The needs of a fleet's snapshot, as far as the config shows them; see snapshotNeeds in providers/artifact/locate.ts. */
export interface DeclaredNeeds {
  /** Maximum of clones that may be down at once while they move to another snapshot. */
  maxUnavailable: number;
  /** A guest's memory in MiB; 0 if only the snapshot shows it. */
  memory: number;
  /** Files that must exist, each with the config key that names it. */
  files: { path: string; key: string }[];
  /** The file that Hornet copies for every clone; empty if only the snapshot shows it. */
  disk: string;
  /** The folder of an existing snapshot; empty if Hornet will make one. */
  snapshot: string;
  /** A boot makes the snapshot. */
  boots: boolean;
  /** Hornet transfers the snapshot from another droplet. */
  transfer: boolean;
  /** A CPU that lacks features of the snapshot's CPU is a fault, not a warning. */
  requireCpuFeatures: boolean;
  /** How guests get their identity; default: auto. */
  identity?: FleetSpec["guest"]["identity"];
  /** Hornet's service in the guests runs the agent. */
  agentCommand?: true;
}

/** Derives the needs of a fleet's snapshot from the config. */
export function needsOf(spec: FleetSpec): DeclaredNeeds {
  const { source, requireCpuFeatures } = spec.snapshot;
  const { maxUnavailable } = spec.fleet;
  const { identity } = spec.guest;
  const declared = {
    requireCpuFeatures,
    maxUnavailable,
    ...(identity !== "auto" && { identity }),
    ...(spec.agent.run !== undefined && { agentCommand: true as const }),
  };
  const nothing = { memory: 0, files: [], disk: "", snapshot: "", boots: false, transfer: false, ...declared };
  switch (source.kind) {
    case "boot": {
      const { kernel, rootfs, memory } = source.boot;
      const files = [
        { path: kernel, key: "hornet:snapshot.boot.kernel" },
        { path: rootfs, key: "hornet:snapshot.boot.rootfs" },
      ];
      return { ...nothing, memory, files, disk: rootfs, boots: true };
    }
    case "path": {
      const files = [ARTIFACT.state, ARTIFACT.memory].map((file) => ({
        path: `${source.path}/${file}`,
        key: "hornet:snapshot.path",
      }));
      return { ...nothing, files, snapshot: source.path };
    }
    default:
      return { ...nothing, transfer: true };
  }
}
