import { artifactFolder } from "../../model/layout";
import { manifestDigest } from "../../firecracker/manifest";
import { messageOf } from "../../host/errors";
import { printableLines } from "../../host/printable";
import { connectionSchema } from "../../model/connection";
import { Sessions } from "../../host/session/sessions";
import { parseManifest, readManifest } from "./manifests";
import { manifestsOn } from "./transfer";

const MIB = 1 << 20;

/** A transfer that an `up` would make. */
export interface PlannedTransfer {
  /** The droplet that has the artifact, and the artifact's folder there. */
  readonly from: { readonly droplet: unknown; readonly path: string };
  /** The target droplet, and the folder of its artifacts. */
  readonly to: { readonly droplet: unknown; readonly dir: string };
  /** The digest that the config pins. */
  readonly digest: string | undefined;
}

/** Describes a transfer in one sentence, for a preview: it asks both droplets and changes neither. */
export async function describeTransfer(planned: PlannedTransfer): Promise<string> {
  const sessions = new Sessions();
  const line = await estimate(sessions, planned)
    .catch((error: unknown) => `the size of the transfer is unknown: ${messageOf(error)}`)
    .finally(() => sessions.close());
  return printableLines(line);
}

async function estimate(sessions: Sessions, { from: { droplet, path }, to, digest }: PlannedTransfer): Promise<string> {
  const source = sessions.of(connectionSchema.parse(droplet));
  const target = sessions.of(connectionSchema.parse(to.droplet));
  const { dir } = to;
  const here = await manifestsOn(target, dir);
  const held = new Set([...here.values()].flatMap(({ files }) => Object.values(files).map(({ sha256 }) => sha256)));
  if (digest !== undefined && here.has(artifactFolder(dir, digest))) {
    return `snapshot ${digest} is already on the droplet: nothing to transfer`;
  }
  const text = await readManifest(source, path);
  if (text === "") return `snapshot in ${path} on ${source.name} to be examined there and transferred`;
  const { files } = parseManifest(text, path);
  const missing = Object.entries(files).filter(([, { sha256 }]) => !held.has(sha256));
  const sizes = await source.call({
    what: "ask for the size of a snapshot",
    run: "allocated",
    vars: { folder: path },
    stdin: missing.map(([name]) => `${name}\n`).join(""),
  });
  const rows = sizes.split("\n").map((line) => line.split(" ").map(Number));
  const sum = (at: number): string => (rows.reduce((all, row) => all + (row[at] ?? 0), 0) / MIB).toFixed(0);
  return (
    `snapshot ${manifestDigest(text)} to come from ${source.name}: ${missing.length} of ${Object.keys(files).length} ` +
    `files, ${sum(1)} MiB, of which at most ${sum(2)} MiB are content`
  );
}
