import { ARTIFACT } from "../../model/layout";
import type { FleetSpec } from "../../config/spec";

/** What a fleet's config says of what its snapshot will need, before anything is looked at. */
export interface DeclaredNeeds {
  /** How many clones may be down at once while they move to another snapshot. */
  maxUnavailable: number;
  /** A guest's memory in MiB; 0 where the snapshot alone knows it. */
  memory: number;
  /** Files that must be there, each with the config key that names it. */
  files: { path: string; key: string }[];
  /** The file that every clone gets a copy of; empty where the snapshot alone knows it. */
  disk: string;
  /** The folder of a snapshot that is there already; empty where it will be made. */
  snapshot: string;
  /** A boot makes the snapshot. */
  boots: boolean;
  /** The snapshot is to be brought from another droplet. */
  transfer: boolean;
  /** A CPU that lacks features of the one that the snapshot was made on is a fault, not a warning. */
  requireCpuFeatures: boolean;
  /** How guests get their identity; default: auto. */
  identity?: FleetSpec["guest"]["identity"];
  /** Hornet's service in the guests is to run the agent. */
  agentCommand?: true;
}

/** What can be said of a snapshot's needs before it is looked at. */
export function needsOf(spec: FleetSpec): DeclaredNeeds {
  const { source, requireCpuFeatures } = spec.snapshot;
  const { maxUnavailable } = spec.fleet;
  const { identity } = spec.guest;
  const told = {
    requireCpuFeatures,
    maxUnavailable,
    ...(identity !== "auto" && { identity }),
    ...(spec.agent.run !== undefined && { agentCommand: true as const }),
  };
  const nothing = { memory: 0, files: [], disk: "", snapshot: "", boots: false, transfer: false, ...told };
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
