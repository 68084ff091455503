import { manifestDigest } from "../../firecracker/manifest";
import type { Connection } from "../../model/connection";
import { sessionOf } from "../../host/session/session";
import { parseManifest, readManifest } from "./manifests";
import { manifestsOn } from "./transfer";

const MIB = 1 << 20;

/**
 * Says what a transfer would bring, by looking only.
 *
 * @param path the artifact's folder on the droplet that it comes from
 * @param dir the folder of the artifacts on the one that it goes to
 * @param digest the one that is pinned
 * @throws HornetError where one of the droplets cannot be asked
 */
export async function estimateTransfer(
  from: Connection,
  path: string,
  to: Connection,
  dir: string,
  digest: string | undefined,
): Promise<string> {
  const here = await manifestsOn(sessionOf(to), dir);
  const held = new Set([...here.values()].flatMap(({ files }) => Object.values(files).map(({ sha256 }) => sha256)));
  if (digest !== undefined && here.has(`${dir}/${digest.slice("sha256:".length)}`)) {
    return `snapshot ${digest} is on the droplet already: nothing to transfer`;
  }
  const source = sessionOf(from);
  const text = await readManifest(source, path);
  if (text === "") return `snapshot in ${path} on ${source.name} to be examined there and transferred`;
  const { files } = parseManifest(text, path);
  const missing = Object.entries(files).filter(([, { sha256 }]) => !held.has(sha256));
  const said = await source.call({
    what: "ask for the size of a snapshot",
    run: "allocated",
    vars: { folder: path },
    stdin: missing.map(([name]) => `${name}\n`).join(""),
  });
  const rows = said.split("\n").map((line) => line.split(" ").map(Number));
  const sum = (at: number): string => (rows.reduce((all, row) => all + (row[at] ?? 0), 0) / MIB).toFixed(0);
  return (
    `snapshot ${manifestDigest(text)} to come from ${source.name}: ${missing.length} of ${Object.keys(files).length} ` +
    `files, ${sum(1)} MiB, of which at most ${sum(2)} MiB are content`
  );
}
