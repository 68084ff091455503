import type { World } from "./world";

/** sha256 and path of every file of the artifacts on the droplet. */
export function artifactHashes(world: World): Promise<string> {
  return world.onDroplet(
    "find /opt/swarm/snapshots -type f -not -name '.hornet*' -not -path '*/.hornet*' | sort | xargs sha256sum",
  );
}

/**
 * How the VMM of a clone has the artifact's memory file mapped: the lines of /proc/PID/maps that name it, as
 * `PERMISSIONS PATH`, each once.
 */
export async function memoryMappings(world: World, clone: string): Promise<string[]> {
  const lines = await world.onDroplet(
    `awk '$6 ~ /\\/vm\\.mem$/ {print $2, $6}' /proc/$(cut -d' ' -f1 /opt/swarm/runtime/${clone}/vmm.pid)/maps | sort -u`,
  );
  return lines.split("\n").filter((line) => line !== "");
}
