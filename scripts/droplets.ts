/** The simulated droplets of the stack `local`. */
import { readFileSync } from "node:fs";
import { sep } from "node:path";
import { z } from "zod";
import { listDroplets, startDroplet, type DropletStatus } from "../sandbox/droplet";
import { dropletsFolder } from "../sandbox/droplet/paths";
import { runPulumi, type Paths } from "../automation/cli";
import { LOCAL, localPaths } from "../operator/localPaths";
import { makeStack } from "../automation/local/stack";

const stateFile = z.object({
  checkpoint: z.object({
    latest: z
      .object({ resources: z.array(z.object({ inputs: z.record(z.string(), z.unknown()).optional() })).nullish() })
      .nullish(),
  }),
});

const onDroplet = z.object({ droplet: z.object({ hostKey: z.string(), privateKeyPath: z.string() }) });

/** The host keys of the droplets in the stack's state: the simulated ones, and the others. */
function dropletsInState(): { simulated: Set<string>; others: Set<string> } {
  const { stackFile } = localPaths();
  const resources = stateFile.parse(JSON.parse(readFileSync(stackFile, "utf8"))).checkpoint.latest?.resources ?? [];
  const simulated = new Set<string>();
  const others = new Set<string>();
  for (const { inputs } of resources) {
    const droplet = onDroplet.safeParse(inputs).data?.droplet;
    if (droplet === undefined) continue;
    (droplet.privateKeyPath.startsWith(dropletsFolder() + sep) ? simulated : others).add(droplet.hostKey);
  }
  return { simulated, others };
}

/**
 * Starts the simulated droplets of the stack. A stopped droplet keeps its files, and Hornet can change them only while it
 * runs. If all droplets of the stack were deleted, Hornet empties the stack's state, because everything on them is gone.
 *
 * @param declared the droplets of the config, which are made where they do not exist
 */
export async function startDroplets(paths: Paths, declared: readonly string[] = []): Promise<void> {
  const { simulated, others } = dropletsInState();
  const known = await listDroplets();
  const present = known.filter(({ hostKey }) => simulated.has(hostKey));
  if (simulated.size > 0 && present.length === 0 && others.size === 0) await forgetStack(paths);
  const names = new Set([...present.map(({ name }) => name), ...declared]);
  for (const name of names) {
    const before = known.find((droplet) => droplet.name === name);
    const { started } = await startDroplet({ name });
    process.stderr.write(`== simulated droplet ${name}: ${outcome(before, started)}\n`);
  }
}

function outcome(before: DropletStatus | undefined, started: boolean): string {
  if (!started) return "runs";
  return before === undefined ? "made and started" : "started";
}

async function forgetStack(paths: Paths): Promise<void> {
  process.stderr.write("the stack's simulated droplet is gone, and everything on it; starting over\n");
  const remove = ["stack", "rm", "--yes", "--force", "--preserve-config", LOCAL];
  const { code } = await runPulumi(paths, LOCAL, remove, { capture: true });
  if (code !== 0) throw new Error(`pulumi stack rm ${LOCAL} failed with exit code ${code}; see its output above.`);
  await makeStack(paths);
}
