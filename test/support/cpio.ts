import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** A folder's folders and files, and a console device, as an archive that the kernel unpacks as its first root (newc). */
export function cpio(folder: string): Buffer {
  const entries = readdirSync(folder, { recursive: true, encoding: "utf8" }).sort();
  const parts = entries.map((name, at) => {
    const about = lstatSync(join(folder, name));
    return entry(at + 1, name, about.mode, about.isFile() ? readFileSync(join(folder, name)) : Buffer.alloc(0));
  });
  const console = entry(entries.length + 1, "dev/console", 0o20600, Buffer.alloc(0), [5, 1]);
  return Buffer.concat([...parts, console, entry(0, "TRAILER!!!", 0, Buffer.alloc(0))]);
}

/** @param device major and minor number */
function entry(inode: number, name: string, mode: number, data: Buffer, device = [0, 0]): Buffer {
  const path = Buffer.from(`${name}\0`);
  const fields = [inode, mode, 0, 0, 1, 0, data.length, 0, 0, ...device, path.length, 0];
  const head = `070701${fields.map((field) => field.toString(16).padStart(8, "0")).join("")}`;
  return Buffer.concat([padded(Buffer.concat([Buffer.from(head), path])), padded(data)]);
}

const padded = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
