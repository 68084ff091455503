import { artifacts, dir, type Drift } from "./kind";

const current = `$(readlink -f ${artifacts}/hornet-guest)`;

/** Drift of Hornet's files. */
export const fileDrifts: readonly Drift[] = [
  {
    kind: "clone folder deleted",
    make: `rm -r ${dir}`,
    says: {
      "CloneNamespace vm0": "the folder of vm0 lost its owner label",
      "FirecrackerVM vm0": "the launch record of vm0 is missing; private disk missing; …",
    },
    restarts: true,
    losesDisk: true,
  },
  {
    kind: "owner label deleted",
    make: `rm ${dir}/owner`,
    says: { "CloneNamespace vm0": "the folder of vm0 lost its owner label" },
  },
  {
    kind: "owner label overwritten",
    make: `echo mine >${dir}/owner`,
    says: { "CloneNamespace vm0": "the folder of vm0 lost its owner label" },
  },
  {
    kind: "artifact file touched",
    make: `touch -d 2001-01-01 ${current}/vm.mem`,
    says: { "SnapshotArtifact snapshot": `${artifacts}/…` },
  },
  {
    kind: "artifact file changed",
    make: `f=${current}/vm.snapshot; chmod 644 $f; echo x >>$f`,
    says: { "SnapshotArtifact snapshot": `${artifacts}/…` },
  },
  {
    kind: "artifact file deleted",
    make: `rm -f ${current}/vm.mem`,
    says: { "SnapshotArtifact snapshot": `${artifacts}/…` },
  },
  {
    kind: "artifact readable by all users",
    make: `chmod 755 ${current}; chmod 444 ${current}/vm.mem`,
    says: { "SnapshotArtifact snapshot": "other users of the droplet can read the artifact sha256:…" },
    check: `[[ $(stat -c %a ${current} ${current}/vm.mem | tr '\\n' ' ') == "700 444 " ]]`,
  },
  {
    kind: "manifest deleted",
    make: `rm -f ${current}/manifest.json`,
    says: { "SnapshotArtifact snapshot": `${artifacts}/…` },
  },
  {
    kind: "artifact's stable name deleted",
    make: `rm ${artifacts}/hornet-guest`,
    says: { "SnapshotArtifact snapshot": `${artifacts}/hornet-guest…` },
    check: `[[ -L ${artifacts}/hornet-guest ]]`,
  },
  {
    kind: "artifact's users deleted",
    make: `rm -r ${current}/.hornet-users`,
    says: { "SnapshotArtifact snapshot": `${artifacts}/…` },
  },
  {
    kind: "artifact deleted",
    make: `rm -rf ${current} ${artifacts}/hornet-guest`,
    says: { "SnapshotArtifact snapshot": "gone" },
  },
  {
    kind: "ssh_config edited",
    make: "echo 'Host vm9' >>/var/tmp/ssh/ssh_config",
    says: { "SshConfig ssh": "ssh_config differs" },
  },
  {
    kind: "known_hosts deleted",
    make: "rm /var/tmp/ssh/known_hosts",
    says: { "SshConfig ssh": "known_hosts differs" },
  },
];
