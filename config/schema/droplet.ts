/** Schema of the parts of a config that describe the droplet: how to reach it, its bridge, its VMM. */
import { z } from "zod";
import { commonArguments, consoleLimit, fleetSize } from "../../model/arguments/droplet";
import { bridgeArguments, namespaceArguments } from "../../model/arguments/network";
import { smokeTest, vmArguments } from "../../model/arguments/vm";
import { connectionFields } from "../../model/connection";
import { defaults } from "../../model/defaults";
import { absolutePath, cloneNumber, label, lanes, seconds, wholeStackName } from "../../model/values";
import { section } from "./parts";

export const EXAMPLE_HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";

/** How to reach a droplet. That exactly one of host, local and simulated is given is a cross check. */
export const dropletFields = z.strictObject({
  host: connectionFields.host.optional().meta({
    description:
      "The droplet's name or IP address (IPv6 too), reached over ssh; what your ssh configuration says of it, a bastion say, counts.",
    example: "203.0.113.10",
  }),
  user: connectionFields.user.meta({ description: "Login name on the droplet.", example: "root" }),
  port: connectionFields.port.meta({ description: "TCP port of the droplet's sshd.", example: 22 }),
  privateKeyPath: connectionFields.privateKeyPath.meta({
    description: "Private key on the operator's machine; left out, ssh's own agent and default keys are used.",
    example: "~/.ssh/swarm_key",
  }),
  hostKey: connectionFields.hostKey.meta({
    description:
      "The droplet's public host key (ssh-ed25519, ecdsa-sha2-nistp256 or ssh-rsa), the only one then accepted; left out, the operator's known_hosts must have it.",
    example: EXAMPLE_HOST_KEY,
  }),
  timeout: seconds(1).default(defaults.connectionTimeout).meta({
    description: "Seconds that connecting, or one command on the droplet, may take before it is given up.",
    example: 60,
  }),
  local: z.literal(true).optional().meta({
    description: "Instead of host: this machine itself is the droplet (Linux, root).",
    type: "true",
    example: true,
  }),
  simulated: label.optional().meta({
    description: "Instead of host: the simulated droplet of this checkout with that name.",
    example: "local",
  }),
});

export const droplet = dropletFields.optional().meta({
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
        "The bridge's own address and its network's prefix (/8 to /30). Clone N gets the network's address + N + 2.",
      example: "10.0.0.1/24",
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
  },
  {
    description: "The bridge that joins the clones. One that is there already is adopted, and never deleted.",
    example: { name: "br0", address: "10.0.0.1/24" },
  },
);

export const vmm = section(
  {
    firecracker: vmArguments.firecracker.meta({
      description:
        "Firecracker on the droplet: a program, a folder that holds several versions (also as releases unpack them), or a list of both. Each clone runs the newest that reads its snapshot's format; the newest of all makes snapshots (docs/upgrades.md).",
      type: "text or list of text",
      example: "/usr/bin/firecracker",
    }),
    runtimeDir: commonArguments.runtimeDir.meta({
      description: "Folder on the droplet with one folder a clone: socket, log, private disk (at most 64 bytes).",
      example: "/opt/swarm/runtime",
    }),
    kernel: vmArguments.kernel.meta({
      description:
        "Guest kernel on the droplet, for a clone that starts again on its own disk and whose snapshot brought no kernel.",
      example: "/opt/swarm/images/vmlinux.bin",
    }),
    timeout: commonArguments.vmmTimeout.meta({
      description: "Seconds that a VMM may take to open its socket, to answer one request, or to end.",
      example: 30,
    }),
    consoleLimit: consoleLimit.meta({
      description:
        "MiB that a clone's console log may have; when it has more, about half of that, the end, stays. A guest that writes without end fills no disk.",
      example: 4,
    }),
    metrics: absolutePath.optional().meta({
      description:
        "Folder on the droplet, the one of node_exporter's --collector.textfile.directory, into which the metrics of all clones are collected (docs/metrics.md); made where it is missing. Left out, none are.",
      example: "/var/lib/prometheus/node-exporter",
    }),
    shutdownTimeout: vmArguments.shutdownTimeout.meta({
      description: "Seconds that a guest gets to shut down before its VMM is ended; 0: it is not asked.",
      example: 10,
    }),
  },
  { description: "Where the droplet has its VMM.", example: { firecracker: "/usr/bin/firecracker" } },
);

export const fleet = section(
  {
    count: fleetSize.default(3).meta({ description: "How many clones; 0 is an empty fleet.", example: 3 }),
    startId: cloneNumber.default(0).meta({
      description: "The first clone's id: ids run from startId to startId + count - 1.",
      example: 0,
    }),
    maxUnavailable: vmArguments.maxUnavailable.meta({
      description: "How many clones may be down at once while a change rolls through the fleet.",
      example: 1,
    }),
    readyTimeout: vmArguments.readyTimeout.meta({
      description: "Seconds that a clone may take until it answers as itself; 0: do not wait for it.",
      example: 60,
    }),
    concurrency: z
      .union([z.literal("auto"), lanes])
      .default("auto")
      .meta({
        description: "How many commands run on the droplet at once (sshd allows 10 sessions a connection); auto: 4.",
        type: "auto or whole number, 1 to 8",
        problem: "must be auto or a whole number from 1 to 8",
        example: 4,
      }),
    smokeTests: z
      .array(smokeTest)
      .optional()
      .meta({
        description:
          "What must succeed after every change of a clone, once it is ready. Left out: hostname in the clone, over ssh.",
        example: [{ command: "rc-service swarm-agent status" }],
      }),
    adopt: namespaceArguments.adopt.meta({
      description:
        "Whether network namespaces and links of the clones' names that carry no mark of Hornet are taken over.",
      example: true,
    }),
    knownAs: wholeStackName.optional().meta({
      description:
        "The name by which the droplet knows this stack, where it has another one by now: it was renamed, or its state moved to another backend, where the organization is another one (organization is that of a backend of one's own). Left out, all that carries the old name would be replaced. No two stacks may go by one.",
      example: "organization/hornet/dev",
    }),
  },
  { description: "Size and pace of the fleet.", example: { count: 3, startId: 0 } },
);
