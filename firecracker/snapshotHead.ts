/** Reads the head of a state file: its format and its kind of CPU. */
export interface SnapshotHead {
  /** `10.0.0`, as `--snapshot-version` of the program that wrote it; empty for a file of before Firecracker 1.7. */
  readonly format: string;
  readonly machine: "x86_64" | "aarch64";
}

/** Bytes of a state file that {@link readHead} needs. */
export const HEAD_BYTES = 64;

/**
 * The magic number (src/vmm/src/snapshot: 0x0710_1984_8664_0000, on Arm …AAAA_0000) in little-endian order, without its
 * lowest two bytes, which count the layouts of before 1.7.
 */
const MAGIC: readonly (readonly [SnapshotHead["machine"], readonly number[]])[] = [
  ["x86_64", [0x64, 0x86, 0x84, 0x19, 0x10, 0x07]],
  ["aarch64", [0xaa, 0xaa, 0x84, 0x19, 0x10, 0x07]],
];

/** Bytes before the magic number: bitcode, since format 9, has one byte there; bincode before it has none. */
const MOST_BEFORE = 8;

/**
 * Reads the head of a state file. Firecracker's own `--describe-snapshot` decodes the whole file first, so since format 9 a
 * program fails with "bitcode error" on a file of another format; the version is in plain text right behind the magic number.
 *
 * @param hex the first bytes, as od(1) prints them
 * @returns undefined where it is no such file
 */
export function readHead(hex: string): SnapshotHead | undefined {
  const bytes = (hex.match(/[0-9a-f]{2}/g) ?? []).map((byte) => Number.parseInt(byte, 16));
  for (let at = 0; at <= MOST_BEFORE; at += 1) {
    const found = MAGIC.find(([, magic]) => magic.every((byte, index) => bytes[at + 2 + index] === byte));
    if (found === undefined) continue;
    const [machine] = found;
    const format = versionAt(bytes.slice(at + 8));
    if (format !== undefined) return { format, machine };
    // Up to 1.6 a number follows, which only such a program knows how to read.
    if (at === 0 && bytes[0] === 1 && bytes[1] === 0) return { format: "", machine };
  }
  return undefined;
}

/** A version behind its length, which takes one byte (bitcode) or eight (bincode). */
function versionAt(bytes: readonly number[]): string | undefined {
  for (const width of [8, 4, 2, 1]) {
    const [length = 0, ...zeros] = bytes.slice(0, width);
    if (zeros.some((byte) => byte !== 0) || length < 5 || width + length > bytes.length) continue;
    const text = String.fromCharCode(...bytes.slice(width, width + length));
    if (/^\d{1,5}\.\d{1,5}\.\d{1,5}$/.test(text)) return text;
  }
  return undefined;
}
