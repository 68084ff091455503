import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";

/** A tar archive's block. */
const BLOCK = 512;

/**
 * A folder as a tar archive (ustar, with pax records for long paths) that depends only on names, modes and content: sorted,
 * owned by root, without times. Excludes `.git`.
 *
 * @throws if it contains anything but folders, files and symbolic links
 */
export function tarOf(folder: string): Buffer {
  return Buffer.concat([...entriesOf(folder, ""), Buffer.alloc(2 * BLOCK)]);
}

function entriesOf(folder: string, below: string): Buffer[] {
  const names = readdirSync(join(folder, below)).filter((name) => name !== ".git");
  return names.sort(byBytes).flatMap((name) => {
    const path = below === "" ? name : `${below}/${name}`;
    const file = join(folder, path);
    const stat = lstatSync(file);
    const mode = stat.mode & 0o777;
    if (stat.isDirectory()) return [...entry(`${path}/`, "5", mode), ...entriesOf(folder, path)];
    if (stat.isSymbolicLink()) return entry(path, "2", 0o777, Buffer.alloc(0), readlinkSync(file));
    if (stat.isFile()) return entry(path, "0", mode, readFileSync(file));
    throw new Error(`${file} is neither a file nor a folder nor a symbolic link`);
  });
}

function byBytes(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}

function entry(path: string, type: string, mode: number, content = Buffer.alloc(0), target = ""): Buffer[] {
  const records = [
    ...(Buffer.byteLength(path) > 100 ? [paxRecord("path", path)] : []),
    ...(Buffer.byteLength(target) > 100 ? [paxRecord("linkpath", target)] : []),
  ];
  const pax = Buffer.from(records.join(""));
  const before = records.length === 0 ? [] : [header("pax", "x", 0o644, pax.length, ""), padded(pax)];
  return [...before, header(path, type, mode, content.length, target), padded(content)];
}

/** `LENGTH KEY=VALUE\n`; the length counts its own digits (POSIX, pax). */
function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  const bytes = Buffer.byteLength(rest);
  const digits = String(bytes + String(bytes).length).length;
  return `${bytes + digits}${rest}`;
}

function padded(content: Buffer): Buffer {
  const rest = content.length % BLOCK;
  return rest === 0 ? content : Buffer.concat([content, Buffer.alloc(BLOCK - rest)]);
}

function header(path: string, type: string, mode: number, size: number, target: string): Buffer {
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, width: number): string => value.toString(8).padStart(width - 1, "0");
  const put = (text: string, at: number, width: number): void => {
    Buffer.from(text).copy(block, at, 0, width);
  };
  put(path, 0, 100);
  put(octal(mode, 8), 100, 8);
  put(octal(0, 8), 108, 8);
  put(octal(0, 8), 116, 8);
  put(octal(size, 12), 124, 12);
  put(octal(0, 12), 136, 12);
  put(" ".repeat(8), 148, 8);
  put(type, 156, 1);
  put(target, 157, 100);
  put("ustar\u000000", 257, 8);
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(`${octal(sum, 7)}\0 `, 148, 8);
  return block;
}
