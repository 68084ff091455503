/** The names of the files and folders that Hornet keeps on a droplet. */

/** The files of a snapshot artifact, in its folder. */
export const ARTIFACT = {
  /** The state of the VM: Firecracker's snapshot file. */
  state: "vm.snapshot",
  /** The guest's memory. */
  memory: "vm.mem",
  /** The disk that every clone copies. */
  disk: "rootfs.ext4",
  /** The kernel that the guest was booted with. */
  kernel: "vmlinux",
  manifest: "manifest.json",
  /** The manifest's signature, by ssh-keygen. */
  signature: "manifest.json.sig",
} as const;

/** The paths of an artifact's files, in this folder. */
export function artifactPaths(folder: string): Readonly<Record<keyof typeof ARTIFACT, string>> {
  const paths = Object.entries(ARTIFACT).map(([role, name]) => [role, `${folder}/${name}`]);
  return Object.fromEntries(paths) as Record<keyof typeof ARTIFACT, string>;
}

/** The 64 hex digits of a digest `sha256:…`: the name of an artifact's folder, and of its proof. */
export function digestHex(digest: string): string {
  return digest.slice("sha256:".length);
}

/** The folder of the artifact with this digest, below the folder of the artifacts that Hornet made. */
export function artifactFolder(dir: string, digest: string): string {
  return `${dir}/${digestHex(digest)}`;
}
