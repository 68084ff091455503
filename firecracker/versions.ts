/**
 * Which snapshot format (`firecracker --snapshot-version`, its major number) each Firecracker writes and reads. A
 * snapshot loads only where the major number is the same. From Firecracker's release notes.
 */
const FORMATS: readonly (readonly [version: string, format: number])[] = [
  ["1.7", 1],
  ["1.8", 2],
  ["1.9", 3],
  ["1.10.1", 4],
  ["1.11", 5],
  ["1.12", 6],
  ["1.13", 8],
  ["1.15", 9],
  ["1.16", 10],
];

/** The Firecracker versions that read a snapshot format, for a message: "1.16" or "1.13 to 1.14". */
export function versionsForFormat(format: number): string {
  const at = FORMATS.findIndex(([, candidate]) => candidate === format);
  const found = FORMATS[at];
  if (found === undefined) return "a version that Hornet does not know";
  const next = FORMATS[at + 1];
  return next === undefined ? `${found[0]} or later` : `${found[0]} up to, not including, ${next[0]}`;
}
