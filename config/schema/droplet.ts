/** Schema of the parts of a config that describe the droplet: how to reach it, its bridge, its VMM. */
import { z } from "zod";
import { commonArguments, consoleLimit, fleetSize, hardenPoints } from "../../model/arguments/droplet";
import {
  bridgeArguments,
  connections,
  namespaceArguments,
  newConnections,
  serviceList,
} from "../../model/arguments/network";
import { smokeTest, vmArguments } from "../../model/arguments/vm";
import { limitFields, rateFields } from "../../model/arguments/limits";
import { recoveryFields } from "../../model/arguments/recovery";
import { connectionFields } from "../../model/connection";
import { defaults } from "../../model/defaults";
import { absolutePath, cloneNumber, label, lanes, seconds, wholeStackName } from "../../model/values";
import { egress, section } from "./parts";

export const EXAMPLE_HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";

/** How to reach a droplet. That exactly one of host, local and simulated is given is a cross check. */
export const dropletFields = z.strictObject({
  host: connectionFields.host.optional().meta({
    description:
      "The droplet's name or IP address (IPv4 or IPv6). Hornet connects over ssh and follows your ssh configuration, for example through a bastion.",
    example: "203.0.113.10",
  }),
  user: connectionFields.user.meta({ description: "Login name on the droplet.", example: "root" }),
  port: connectionFields.port.meta({ description: "TCP port of the droplet's sshd.", example: 22 }),
  privateKeyPath: connectionFields.privateKeyPath.meta({
    description: "Private key on the operator's machine. Default: the keys of ssh-agent and ssh's default keys.",
    example: "~/.ssh/swarm_key",
  }),
  hostKey: connectionFields.hostKey.meta({
    description:
      "The droplet's public host key (ssh-ed25519, ecdsa-sha2-nistp256 or ssh-rsa). Hornet accepts no other key. Without it, the operator's known_hosts must hold the key.",
    example: EXAMPLE_HOST_KEY,
  }),
  timeout: seconds(1).default(defaults.connectionTimeout).meta({
    description: "Seconds before Hornet gives up connecting, or one command on the droplet.",
    example: 60,
  }),
  local: z.literal(true).optional().meta({
    description: "Instead of host: the droplet is this machine (Linux, root).",
    type: "true",
    example: true,
  }),
  simulated: label.optional().meta({
    description: "Instead of host: the simulated droplet of this checkout with that name.",
    example: "local",
  }),
});

const harden = z
  .union([z.boolean(), hardenPoints.min(1)])
  .optional()
  .meta({
    description:
      "What Hornet sets on the droplet for as long as the stack is there, and gives back when the stack is destroyed (docs/security.md): true for all of it, or a list. swap: guests' memory is not swapped out. ksm: KSM off. smt: SMT off, which halves the CPUs. nx_huge_pages: on, where the CPU needs it. kvm: /dev/kvm only for its owner and group.",
    type: "true, false, or a list of swap, ksm, smt, nx_huge_pages and kvm",
    problem: "must be true, false, or a list of swap, ksm, smt, nx_huge_pages and kvm",
    example: true,
  });

export const droplet = dropletFields
  .extend({ harden })
  .optional()
  .meta({
    description: "The Linux host that carries the fleet. Required: host, or local, or simulated.",
    example: { host: "203.0.113.10", user: "root", privateKeyPath: "~/.ssh/swarm_key", hostKey: EXAMPLE_HOST_KEY },
    required: true,
  });

export const bridge = section(
  {
    name: bridgeArguments.name.meta({
      description: "Name of the bridge on the droplet.",
      example: "br0",
    }),
    address: bridgeArguments.address.meta({
      description:
        "The bridge's own address and its network's prefix (/8 to /30). Clone N gets the network's address + N − firstId + 2.",
      example: "10.0.0.1/24",
    }),
    firstId: cloneNumber.default(0).meta({
      description:
        "The id of the clone that gets the network's address + 2; no clone has a lower id. In hornet:droplets: the droplet's startId, unless its own bridge.firstId says otherwise.",
      example: 0,
    }),
    uplink: bridgeArguments.uplink.meta({
      description:
        "The interface whose outgoing traffic is masqueraded; auto: whatever leads out of the bridge network.",
      type: "interface name or auto",
      example: "auto",
    }),
    isolateClones: namespaceArguments.isolated.meta({
      description: "Whether clones reach only the droplet and what lies behind it, not each other.",
      example: true,
    }),
    services: serviceList.default([]).meta({
      description: "Ports of the droplet that guests reach, at the bridge's address.",
      example: ["8080/tcp"],
    }),
    closed: bridgeArguments.closed.meta({
      description:
        "Whether guests reach only what is declared (services, fleet.egress), and others reach guests only on published ports; false: as before Hornet 0.3, everything but link-local addresses, in both directions.",
      example: true,
    }),
  },
  {
    description: "The bridge that joins the clones. Hornet adopts a bridge that exists already, and never deletes it.",
    example: { name: "br0", address: "10.0.0.1/24" },
  },
);

export const vmm = section(
  {
    firecracker: vmArguments.firecracker.meta({
      description:
        "Firecracker on the droplet: a program, a folder with several versions (also as releases unpack them), or a list of both. Each clone runs the newest version that reads its snapshot's format. The newest of all makes snapshots (docs/upgrades.md).",
      type: "text or list of text",
      example: "/usr/bin/firecracker",
    }),
    jailer: vmArguments.jailer.meta({
      description:
        "Firecracker's jailer, which runs each VMM as a separate user, without capabilities, in a chroot. auto: the jailer beside Firecracker, of the same version; a path; off: VMMs run as root, and a guest that breaks out of its VMM is root on the droplet (docs/security.md).",
      type: "auto, off or path on the droplet",
      problem: "must be auto, off or an absolute path on the droplet",
      example: "auto",
    }),
    uids: vmArguments.uids.meta({
      description:
        "Numbers of the users, and of their groups, that jailed VMMs run as: each clone has one that nothing else on the droplet has.",
      example: { first: 70000, count: 10000 },
    }),
    limits: section(limitFields, {
      description:
        "What each clone's VMM can use of the droplet (docs/security.md). hornet:clones.N.limits overrides it. A change reaches running clones without a restart.",
      example: { cpus: 0.5, memory: 320 },
    }),
    rates: section(rateFields, {
      description:
        "What the devices of each clone may transfer per second. hornet:clones.N.rates overrides it. A change reaches running clones without a restart, except serial.",
      example: { network: { rx: "100mbit", tx: "100mbit" } },
    }),
    recovery: section(recoveryFields, {
      description:
        "How VMMs that end between two operations are restarted (docs/recovery.md). hornet:clones.N.recovery overrides it.",
      example: { budget: 5 },
    }),
    runtimeDir: commonArguments.runtimeDir.meta({
      description:
        "Folder on the droplet with one folder per clone: socket, log, private disk. Its path has at most 64 bytes.",
      example: "/opt/swarm/runtime",
    }),
    kernel: vmArguments.kernel.meta({
      description:
        "Guest kernel on the droplet. Hornet uses it when a clone restarts on its own disk and its snapshot brought no kernel.",
      example: "/opt/swarm/images/vmlinux.bin",
    }),
    timeout: commonArguments.vmmTimeout.meta({
      description: "Seconds that a VMM may take to open its socket, to answer one request, or to exit.",
      example: 30,
    }),
    consoleLimit: consoleLimit.meta({
      description:
        "Size limit of a clone's console log, in MiB. Above it, Hornet keeps about the last half, so that a guest that prints forever fills no disk.",
      example: 4,
    }),
    metrics: absolutePath.optional().meta({
      description:
        "Folder on the droplet into which Hornet writes the metrics of all clones (docs/metrics.md): the one of node_exporter's --collector.textfile.directory. Hornet creates it if it is missing. Without it, Hornet collects no metrics.",
      example: "/var/lib/prometheus/node-exporter",
    }),
    shutdownTimeout: vmArguments.shutdownTimeout.meta({
      description:
        "Seconds that a guest gets to shut down before Hornet ends its VMM. With 0, Hornet does not ask the guest.",
      example: 10,
    }),
  },
  { description: "The VMM on the droplet.", example: { firecracker: "/usr/bin/firecracker" } },
);

export const fleet = section(
  {
    count: fleetSize
      .default(defaults.count)
      .meta({ description: "Number of clones. 0 is an empty fleet.", example: 3 }),
    startId: cloneNumber.default(0).meta({
      description: "The first clone's id: ids run from startId to startId + count - 1.",
      example: 0,
    }),
    maxUnavailable: vmArguments.maxUnavailable.meta({
      description: "How many clones may be down at the same time while a change rolls through the fleet.",
      example: 1,
    }),
    readyTimeout: vmArguments.readyTimeout.meta({
      description:
        "Seconds that a clone may take until it answers ssh with its own host key. With 0, Hornet does not wait.",
      example: 60,
    }),
    concurrency: z
      .union([z.literal("auto"), lanes])
      .default("auto")
      .meta({
        description:
          "How many commands run on the droplet at the same time (sshd allows 10 sessions per connection). auto: 4.",
        type: "auto or whole number, 1 to 8",
        problem: "must be auto or a whole number from 1 to 8",
        example: 4,
      }),
    smokeTests: z
      .array(smokeTest)
      .optional()
      .meta({
        description:
          "Commands that must succeed after every change of a clone, once it is ready. Default: `hostname` in the clone, over ssh.",
        example: [{ command: "rc-service swarm-agent status" }],
      }),
    egress: egress(
      "What guests may open connections to (docs/network.md). Left out: internet, which is all but private networks, other clones and clouds' metadata services.",
      ["internet", "10.132.0.0/16"],
    ),
    connections: connections.meta({
      description: "Connections that a guest may have open at once; the kernel's table of them is the whole droplet's.",
      example: 4096,
    }),
    newConnections: newConnections.meta({
      description: "Connections that a guest may open per second.",
      example: 1000,
    }),
    adopt: namespaceArguments.adopt.meta({
      description:
        "Whether Hornet takes over network namespaces and links that have the clones' names and no owner label.",
      example: true,
    }),
    knownAs: wholeStackName.optional().meta({
      description:
        "The stack's former full name, after a rename or a move to another backend (a self-managed backend calls its organization `organization`). The droplet's owner labels hold that name; without this key Hornet would replace everything that carries it. No two stacks may use one name.",
      example: "organization/hornet/dev",
    }),
  },
  { description: "Size and pace of the fleet.", example: { count: 3, startId: 0 } },
);
