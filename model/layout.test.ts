import { artifactFolder, artifactPaths } from "./layout";

test("an artifact's folder has the name of its digest, and each file one name", () => {
  const folder = artifactFolder("/opt/swarm/snapshots", `sha256:${"ab".repeat(32)}`);
  expect(folder).toBe(`/opt/swarm/snapshots/${"ab".repeat(32)}`);
  expect(artifactPaths(folder)).toEqual({
    state: `${folder}/vm.snapshot`,
    memory: `${folder}/vm.mem`,
    disk: `${folder}/rootfs.ext4`,
    kernel: `${folder}/vmlinux`,
    manifest: `${folder}/manifest.json`,
    signature: `${folder}/manifest.json.sig`,
  });
});
