import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve, sep } from "node:path";
import { z } from "zod";

const descriptor = z.object({
  mediaType: z.string().default(""),
  digest: z.string().regex(/^sha256:[0-9a-f]{64}$/),
  platform: z.object({ os: z.string(), architecture: z.string() }).optional(),
});
const index = z.object({ manifests: z.array(descriptor).min(1) });
const manifest = z.object({ layers: z.array(descriptor) });
/** The older layout of `docker save`, before it wrote OCI's layout too. */
const saved = z.array(z.object({ Layers: z.array(z.string()) })).length(1);

/** This machine's architecture by its OCI name. */
const ARCHITECTURE = process.arch === "x64" ? "amd64" : process.arch;

/**
 * The layers of a container image in a folder, lowest first: OCI's image layout, or an unpacked archive of `docker save`.
 *
 * @returns tar archives, compressed or not
 * @throws where the folder holds no image, or none or several for this machine, or a blob does not match its digest
 */
export function layersOf(folder: string): string[] {
  if (existsSync(join(folder, "index.json"))) return ociLayers(folder, index.parse(json(join(folder, "index.json"))));
  if (existsSync(join(folder, "manifest.json"))) {
    const [image] = saved.parse(json(join(folder, "manifest.json")));
    return (image?.Layers ?? []).map((path) => within(folder, path));
  }
  throw new Error(`${folder} is no container image: it has neither index.json (OCI) nor manifest.json (docker save)`);
}

function ociLayers(folder: string, { manifests }: z.infer<typeof index>): string[] {
  const fitting = manifests.filter(({ platform }) => {
    return platform === undefined || (platform.os === "linux" && platform.architecture === ARCHITECTURE);
  });
  const [only, ...others] = fitting;
  if (only === undefined || others.length > 0) {
    throw new Error(`${folder} has ${fitting.length} images for linux/${ARCHITECTURE}: it must have one`);
  }
  const content = JSON.parse(blob(folder, only.digest).toString("utf8")) as unknown;
  const nested = index.safeParse(content);
  if (nested.success) return ociLayers(folder, nested.data);
  return manifest.parse(content).layers.map(({ digest }) => {
    blob(folder, digest);
    return pathOf(folder, digest);
  });
}

function blob(folder: string, digest: string): Buffer {
  const content = readFileSync(pathOf(folder, digest));
  const found = createHash("sha256").update(content).digest("hex");
  if (`sha256:${found}` !== digest) throw new Error(`${pathOf(folder, digest)} is damaged: its sha256 is ${found}`);
  return content;
}

function pathOf(folder: string, digest: string): string {
  return join(folder, "blobs", ...digest.split(":"));
}

function within(folder: string, path: string): string {
  const file = resolve(folder, path);
  if (!file.startsWith(resolve(folder) + sep)) throw new Error(`${path} leads out of ${folder}`);
  return file;
}

function json(file: string): unknown {
  return JSON.parse(readFileSync(file, "utf8"));
}
