/**
 * Which Firecracker releases write which snapshot format, from their sources and release notes. It only helps to word a
 * message: what a program reads, the program itself says (`--snapshot-version`), so a release that is not listed works.
 */
const RELEASES: Readonly<Record<number, string>> = {
  1: "1.7",
  2: "1.8",
  3: "1.9 or 1.10.0",
  4: "1.10.1",
  5: "1.11",
  6: "1.12",
  8: "1.13 or 1.14",
  9: "1.15",
  10: "1.16.0 or 1.16.1",
  11: "1.16.2",
  12: "1.17",
};

/** The releases that are known to read a format, for a message: "1.13 or 1.14". */
export function versionsForFormat(format: number): string {
  return RELEASES[format] ?? `with --snapshot-version ${format}`;
}
