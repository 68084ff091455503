/** Schema of the parts of a config that describe the guests: their addresses, their snapshot, who they are. */
import { z } from "zod";
import { guestArguments, nameservers, natArguments } from "../../model/arguments/network";
import { bootFields, snapshotArguments } from "../../model/arguments/snapshot";
import { ownLimitFields, ownRateFields } from "../../model/arguments/limits";
import { ownRecoveryFields } from "../../model/arguments/recovery";
import { vmArguments } from "../../model/arguments/vm";
import { absolutePath, cloneId, plainText, stackName } from "../../model/values";
import { dropletFields } from "./droplet";
import { egress, env, section } from "./parts";

const EXAMPLE_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f ops@example.org";
const EXAMPLE_DIGEST = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

export const guest = section(
  {
    address: guestArguments.guestAddress.meta({
      description: "The address that every guest gives its own interface. It is part of the snapshot.",
      example: "192.168.241.2",
    }),
    tap: guestArguments.tapAddress.meta({
      description: "Address and prefix (/8 to /30) of the tap in every namespace: the guests' gateway.",
      example: "192.168.241.1/29",
    }),
    user: vmArguments.user.meta({ description: "Login name in the guests.", example: "root" }),
    identity: vmArguments.identity.meta({
      description:
        "How a guest gets its identity (docs/identity.md): through Hornet's service in the guest, over ssh, or through the guest's own cloud-init at boot. auto: service or ssh, whichever Hornet found when it made or examined the snapshot.",
      example: "auto",
    }),
    privateKeyPath: vmArguments.loginKeyPath.meta({
      description:
        "Private key on the operator's machine, without passphrase, that logs in to guests without the identity service. Default: the keys of the droplet's login user.",
      example: "~/.ssh/swarm_guest_key",
    }),
    tapName: guestArguments.tap.meta({
      description: "Name of the tap in every namespace. It is part of the snapshot.",
      example: "tap0",
    }),
    interface: snapshotArguments.guestInterface.meta({
      description:
        "Id of the network interface that has the guests' address, for a snapshot with several interfaces and no manifest. Default: the one whose tap is tapName.",
      example: "eth0",
    }),
    nameservers: nameservers.meta({
      description:
        "Name servers in the resolv.conf of the guests' image, besides the tap's address. If egress names hosts, the droplet's name server answers in their place, and queries to others are refused.",
      example: ["10.132.0.2"],
    }),
    tapMac: guestArguments.tapMac.meta({
      description:
        "MAC address of the tap. All clones have the same, because a restored guest has it in its ARP cache.",
      example: "02:fc:00:00:00:01",
    }),
    mac: guestArguments.guestMac.meta({
      description: "MAC address of the guests' own interface, for a snapshot that Hornet boots.",
      example: "02:fc:00:00:00:02",
    }),
  },
  {
    description: "The network as every guest sees it. It is the same in all guests.",
    example: { address: "192.168.241.2", tap: "192.168.241.1/29" },
  },
);

export const identity = section(
  {
    authorizedKeys: vmArguments.authorizedKeys.meta({
      description: "Public keys that may log in to every clone, one line of authorized_keys each.",
      example: [EXAMPLE_KEY],
    }),
    env: env({
      description: "Environment of every clone's agent, in /etc/swarm-env. Values may be secret.",
      example: { API_URL: "http://10.0.0.1:8080", POLL_INTERVAL: "10" },
    }),
  },
  {
    description: "Who may log in to the clones, and the environment of their agents.",
    example: { env: { API_URL: "http://10.0.0.1:8080" } },
  },
);

const boot = z.strictObject({
  kernel: bootFields.kernel.meta({
    description: "Kernel on the droplet.",
    example: "/opt/swarm/images/vmlinux.bin",
  }),
  rootfs: bootFields.rootfs.meta({
    description: "Root filesystem on the droplet. Hornet copies it and never writes to it.",
    example: "/opt/swarm/images/rootfs.ext4",
  }),
  memory: bootFields.memory.meta({ description: "Memory of the guest, in MiB (16 or more).", example: 128 }),
  vcpus: bootFields.vcpus.meta({ description: "Virtual CPUs of the guest.", example: 1 }),
  bootArgs: bootFields.bootArgs.meta({
    description: "Further arguments on the kernel's command line, after Hornet's own (at most 1536 characters).",
    example: "quiet",
  }),
  timeout: bootFields.timeout.meta({
    description: "Seconds that the guest may take from power-on until it is ready for its snapshot.",
    example: 120,
  }),
  name: bootFields.name.meta({
    description: "Name of the snapshot's folder below dir; part of the disk path that is baked into the snapshot.",
    example: "hornet-guest",
  }),
});

const from = z.strictObject({
  stack: stackName.optional().meta({
    description: "The stack to take the snapshot from: the one that its fleet runs now.",
    example: "dev",
  }),
  droplet: dropletFields.optional().meta({
    description: "Instead of stack: the droplet that has the snapshot, with the keys of hornet:droplet.",
    type: "mapping, as hornet:droplet",
    example: { host: "203.0.113.10", privateKeyPath: "~/.ssh/swarm_key" },
  }),
  path: absolutePath.optional().meta({
    description: "With droplet: the snapshot's folder there.",
    example: "/opt/swarm/snapshots/alpine3.19-hornetos-v2",
  }),
});

/** Where a fleet's snapshot is when the config does not say. */
export const DEFAULT_SNAPSHOT_PATH = "/opt/swarm/snapshots/alpine3.19-hornetos-v2";

export const snapshot = section(
  {
    path: absolutePath.optional().meta({
      description: `Folder of a snapshot on the droplet. Default, without boot and from: ${DEFAULT_SNAPSHOT_PATH}.`,
      example: DEFAULT_SNAPSHOT_PATH,
    }),
    boot: boot.optional().meta({
      description: "Instead of path: boot a kernel and a root filesystem, wait until ready, take a snapshot.",
      example: { kernel: "/opt/swarm/images/vmlinux.bin", rootfs: "/opt/swarm/images/rootfs.ext4" },
    }),
    from: from.optional().meta({
      description: "Instead of path: another droplet's snapshot.",
      example: { stack: "dev" },
    }),
    digest: snapshotArguments.digest.meta({
      description: "The only snapshot accepted: the sha256 of its manifest.",
      example: EXAMPLE_DIGEST,
    }),
    dir: snapshotArguments.dir.meta({
      description: "Folder on the droplet for the snapshots that Hornet makes or brings.",
      example: "/opt/swarm/snapshots",
    }),
    keepGenerations: snapshotArguments.keepGenerations.meta({
      description: "How many earlier snapshots Hornet keeps on the droplet, so that a rollback transfers nothing.",
      example: 2,
    }),
    disks: snapshotArguments.disks.meta({
      description:
        "Disks outside of the snapshot's folder that its guests may have although not every user of the droplet may read them; of other private files none becomes a disk, whatever the snapshot names.",
      example: ["/opt/swarm/tools.ext4"],
    }),
    requireProof: z.boolean().default(true).meta({
      description:
        "With from.stack: whether that stack's fleet must have started from the snapshot and passed its smoke tests.",
      example: true,
    }),
    requireCpuFeatures: snapshotArguments.requireCpuFeatures.meta({
      description:
        "Whether the droplet's CPU must have all features of the CPU that the snapshot was made on. With false, a missing feature is a warning.",
      example: true,
    }),
    signers: snapshotArguments.signers.meta({
      description:
        "Who may sign a snapshot's manifest: lines of an allowed-signers list. If set, the manifest must be signed.",
      example: [`ops@example.org ${EXAMPLE_KEY}`],
    }),
  },
  { description: "The snapshot that Hornet restores the clones from.", example: { path: DEFAULT_SNAPSHOT_PATH } },
);

const clone = z.strictObject({
  identity: section(
    {
      authorizedKeys: vmArguments.authorizedKeys.meta({
        description: "Public keys that may log in to this clone, besides the fleet's.",
        example: [EXAMPLE_KEY],
      }),
      env: env({
        description: "Environment of this clone's agent. It overrides the fleet's.",
        example: { ROLE: "reviewer" },
      }),
    },
    { description: "This clone's additions to the fleet's identity.", example: { env: { ROLE: "reviewer" } } },
  ),
  publish: natArguments.publish.meta({
    description: "Ports that lead to ports of the guest: on the clone's address, or on the droplet's own addresses.",
    example: [{ port: 80, guestPort: 8080 }],
  }),
  egress: egress(
    "What this clone may open connections to, in place of hornet:fleet.egress. A network opens the droplet's own ports only where it is the bridge's address with /32.",
    ["10.132.0.5/32:5432/tcp", "443/tcp"],
  ),
  limits: z
    .strictObject(ownLimitFields)
    .optional()
    .meta({
      description: "Limits of this clone's VMM, in place of those of the same name in hornet:vmm.limits.",
      example: { memory: 640 },
    }),
  recovery: z
    .strictObject(ownRecoveryFields)
    .optional()
    .meta({
      description: "How this clone's VMM is restarted, in place of what hornet:vmm.recovery says under the same name.",
      example: { restart: "never" },
    }),
  restart: plainText.optional().meta({
    description: "Another text than before restarts the clone's VMM; the guest boots from the disk that it has.",
    example: "after the fix",
  }),
  renewDisk: plainText.optional().meta({
    description:
      "Another text than before gives the clone a new disk from the snapshot; everything on its disk is lost.",
    example: "after the fix",
  }),
  rates: z
    .strictObject(ownRateFields)
    .optional()
    .meta({
      description: "Rates of this clone's devices, in place of those of the same name in hornet:vmm.rates.",
      example: { disk: { operations: 500 } },
    }),
});

export const clones = z
  .record(cloneId, clone)
  .prefault({})
  .meta({
    description: "Settings of single clones, by id.",
    type: "mapping of ids to settings",
    example: { "2": { identity: { env: { ROLE: "reviewer" } }, publish: [{ port: 80, guestPort: 8080 }] } },
  });
