/** Schema of the parts of a config that describe the guests: their addresses, their snapshot, who they are. */
import { z } from "zod";
import * as formats from "../../model/formats";
import { dropletFields } from "./droplet";
import { ENV_TYPE, env } from "./env";
import { count, mac, port, section, text, seconds } from "./parts";
import { authorizedKeyProblem, signerProblem } from "../../model/sshKey";
import { defaults } from "../../model/defaults";

const EXAMPLE_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f ops@example.org";
const EXAMPLE_DIGEST = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

export const guest = section(
  {
    address: text(formats.addressProblem).default(defaults.guestAddress).meta({
      description: "What every guest believes its address to be; it is part of the snapshot.",
      example: "192.168.241.2",
    }),
    tap: text(formats.interfaceAddressProblem).default(defaults.tapAddress).meta({
      description: "Address and prefix (/8 to /30) of the tap in every namespace: the guests' gateway.",
      example: "192.168.241.1/29",
    }),
    user: text(formats.userProblem).default("root").meta({ description: "Login name in the guests.", example: "root" }),
    identity: z.enum(["auto", "service", "ssh", "cloud-init"]).default("auto").meta({
      description:
        "How a guest is told who it is (docs/identity.md): by Hornet's service in it, over ssh, by its own cloud-init when it boots; auto: service or ssh, as was seen when the snapshot was made or examined.",
      example: "auto",
    }),
    privateKeyPath: text(formats.keyPathProblem).optional().meta({
      description:
        "Private key on the operator's machine that logs in to guests without identity service, without passphrase; left out, the keys of the droplet's own user do.",
      example: "~/.ssh/swarm_guest_key",
    }),
    tapName: text(formats.interfaceNameProblem).default("tap0").meta({
      description: "Name of the tap in every namespace; it is part of the snapshot.",
      example: "tap0",
    }),
    interface: text(formats.deviceIdProblem).optional().meta({
      description:
        "Id of the guests' network interface that has their address, in a snapshot with several and without a manifest; left out, the one whose tap is tapName.",
      example: "eth0",
    }),
    tapMac: mac().default(defaults.tapMac).meta({
      description: "MAC address of the tap, the same for every clone, as guests wake up with it in their ARP cache.",
      example: "02:fc:00:00:00:01",
    }),
    mac: mac().default("02:fc:00:00:00:02").meta({
      description: "MAC address of the guests' own interface, for a snapshot made by source boot.",
      example: "02:fc:00:00:00:02",
    }),
  },
  {
    description: "What every guest sees of the network, the same in all of them.",
    example: { address: "192.168.241.2", tap: "192.168.241.1/29" },
  },
);

/** A line that was read out of a file has its end with it. */
const authorizedKeys = z.array(text(authorizedKeyProblem).transform((line) => line.trim())).default([]);

export const identity = section(
  {
    authorizedKeys: authorizedKeys.meta({
      description: "Public keys that may log in to every clone, one line of authorized_keys each.",
      example: [EXAMPLE_KEY],
    }),
    env: env.meta({
      description: "Environment of every clone's agent, in /etc/swarm-env; values may be secret.",
      type: ENV_TYPE,
      example: { API_URL: "http://10.0.0.1:8080", POLL_INTERVAL: "10" },
    }),
  },
  {
    description: "Who may log in to the clones and what their agents are told.",
    example: { env: { API_URL: "http://10.0.0.1:8080" } },
  },
);

const boot = z.strictObject({
  kernel: text(formats.absolutePathProblem).default(defaults.kernel).meta({
    description: "Kernel on the droplet.",
    example: "/opt/swarm/images/vmlinux.bin",
  }),
  rootfs: text(formats.absolutePathProblem).default("/opt/swarm/images/rootfs.ext4").meta({
    description: "Root filesystem on the droplet; it is copied, never written to.",
    example: "/opt/swarm/images/rootfs.ext4",
  }),
  memory: count(16).default(128).meta({ description: "Memory of the guest, in MiB (16 or more).", example: 128 }),
  vcpus: z.int().min(1).max(32).default(1).meta({ description: "Virtual CPUs of the guest.", example: 1 }),
  bootArgs: text(formats.bootArgsProblem).optional().meta({
    description: "Further arguments on the kernel's command line, after Hornet's own (at most 1536 characters).",
    example: "quiet",
  }),
  timeout: seconds(1).default(120).meta({
    description: "Seconds that the guest may take from power-on until it is ready for its snapshot.",
    example: 120,
  }),
  name: text(formats.labelProblem).default("hornet-guest").meta({
    description: "Name of the snapshot's folder below dir; part of the disk path that is baked into the snapshot.",
    example: "hornet-guest",
  }),
});

const from = z.strictObject({
  stack: text(formats.stackProblem).optional().meta({
    description: "The stack whose snapshot is taken: the one that it runs now.",
    example: "dev",
  }),
  droplet: dropletFields.optional().meta({
    description: "Instead of stack: the droplet that has the snapshot, with the keys of hornet:droplet.",
    type: "mapping, as hornet:droplet",
    example: { host: "203.0.113.10", privateKeyPath: "~/.ssh/swarm_key" },
  }),
  path: text(formats.absolutePathProblem).optional().meta({
    description: "With droplet: the snapshot's folder there.",
    example: "/opt/swarm/snapshots/alpine3.19-hornetos-v2",
  }),
});

/** Where a fleet's snapshot is when the config does not say. */
export const DEFAULT_SNAPSHOT_PATH = "/opt/swarm/snapshots/alpine3.19-hornetos-v2";

export const snapshot = section(
  {
    path: text(formats.absolutePathProblem)
      .optional()
      .meta({
        description: `A snapshot's folder that is on the droplet already. Without path, boot and from: ${DEFAULT_SNAPSHOT_PATH}.`,
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
    digest: text(formats.digestProblem).optional().meta({
      description: "The only snapshot accepted: the sha256 of its manifest.",
      example: EXAMPLE_DIGEST,
    }),
    dir: text(formats.absolutePathProblem).default(defaults.artifacts).meta({
      description: "Folder on the droplet for the snapshots that Hornet makes or brings.",
      example: "/opt/swarm/snapshots",
    }),
    keepGenerations: count(0).default(2).meta({
      description: "How many earlier snapshots stay on the droplet, so that going back transfers nothing.",
      example: 2,
    }),
    requireProof: z.boolean().default(true).meta({
      description:
        "With from.stack: whether a fleet there must have come up with the snapshot, through its smoke tests.",
      example: true,
    }),
    requireCpuFeatures: z.boolean().default(true).meta({
      description:
        "Whether the droplet's CPU must have all features of the one that the snapshot was made on; else that is a warning.",
      example: true,
    }),
    signers: z
      .array(text(signerProblem))
      .min(1)
      .optional()
      .meta({
        description:
          "Who may sign a snapshot's manifest, one line of an allowed-signers list each; if set, it must be signed.",
        example: [`ops@example.org ${EXAMPLE_KEY}`],
      }),
  },
  { description: "What the clones are restored from.", example: { path: DEFAULT_SNAPSHOT_PATH } },
);

/** Rules of one clone that come from a list: each is a rule that the kernel tries in turn. */
const MOST_RULES = 4096;

const publishedPort = z.strictObject({
  port: port().meta({ description: "Port on the clone's address.", example: 80 }),
  guestPort: port().optional().meta({ description: "Port in the guest; left out, the same.", example: 8080 }),
  protocol: z.enum(["tcp", "udp"]).default("tcp").meta({ description: "Protocol.", example: "tcp" }),
});

const clone = z.strictObject({
  identity: section(
    {
      authorizedKeys: authorizedKeys.meta({
        description: "Public keys that may log in to this clone, besides the fleet's.",
        example: [EXAMPLE_KEY],
      }),
      env: env.meta({
        description: "Environment of this clone's agent, over the fleet's.",
        type: ENV_TYPE,
        example: { ROLE: "reviewer" },
      }),
    },
    { description: "What this clone has of its own.", example: { env: { ROLE: "reviewer" } } },
  ),
  publish: z
    .array(publishedPort)
    .max(MOST_RULES)
    .default([])
    .meta({
      description: "Ports of the clone's address that lead to another port of the guest.",
      example: [{ port: 80, guestPort: 8080 }],
    }),
  egress: z
    .strictObject({
      allow: z
        .array(text(formats.networkProblem))
        .max(MOST_RULES)
        .default([])
        .meta({
          description: "The only networks that the clone may open connections to.",
          example: ["10.0.0.1/32"],
        }),
    })
    .optional()
    .meta({ description: "Left out, the clone reaches everything.", example: { allow: ["10.0.0.1/32"] } }),
});

export const clones = z
  .record(text(formats.cloneIdProblem), clone)
  .prefault({})
  .meta({
    description: "Settings of single clones, by id.",
    type: "mapping of ids to settings",
    example: { "2": { identity: { env: { ROLE: "reviewer" } }, publish: [{ port: 80, guestPort: 8080 }] } },
  });
