import type { Manifest } from "../../firecracker/manifest";
import { printableLines } from "../../host/printable";

const MIB = 1 << 20;

/** The differences of a promotion for a reviewer, line by line. */
export function difference(
  before: string | undefined,
  after: string,
  manifest: Manifest,
  earlier: Manifest | undefined,
): string {
  const rows = [
    row("digest", before ?? "none", after),
    ...(["firecracker", "snapshotFormat", "cpu", "memory", "vcpus", "diskPath"] as const).map((key) =>
      row(key, text(earlier?.[key]), text(manifest[key])),
    ),
    row("made", text(earlier?.made.at), manifest.made.at),
    row("from", text(earlier?.made.from), manifest.made.from),
    ...Object.keys(manifest.files).map((name) => row(name, fileText(earlier, name), fileText(manifest, name))),
  ];
  return printableLines(rows.join(""));
}

function row(name: string, before: string, after: string): string {
  if (before === after || before === "") return `    ${name}: ${after}\n`;
  return `  - ${name}: ${before}\n  + ${name}: ${after}\n`;
}

function text(value: string | number | undefined): string {
  return value === undefined ? "" : String(value);
}

function fileText(manifest: Manifest | undefined, name: string): string {
  const file = manifest?.files[name];
  return file === undefined ? "" : `${(file.size / MIB).toFixed(1)} MiB, sha256 ${file.sha256.slice(0, 12)}…`;
}
