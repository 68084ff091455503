/** The arguments that declare a clone's VM and what runs in it. */
import { z } from "zod";
import { defaults } from "../defaults";
import { limitsSchema, ratesSchema } from "./limits";
import { recoverySchema } from "./recovery";
import * as values from "../values";

/** How a guest can receive its identity; see docs/identity.md. */
export const identityMethods = ["service", "ssh", "cloud-init"] as const;

/** The agent in a guest, run by Hornet's service there. */
export const agentFields = {
  /** Run by a POSIX shell in /opt/hornet-agent. */
  command: values.commandLine,
  /**
   * The guest's user that runs it.
   * @default root
   */
  user: values.loginName.default(defaults.user),
  /**
   * When Hornet's service restarts an agent that has exited.
   * @default always
   */
  restart: z.enum(["always", "on-failure", "never"]).default("always"),
};

/** A command that must succeed after every change of a clone. */
export const smokeTest = z.strictObject({
  on: z.enum(["clone", "droplet"]).default("clone").meta({
    description:
      "Where the command runs: in the clone, over ssh, or on the droplet, with CLONE, ADDRESS and NAMESPACE set.",
    example: "clone",
  }),
  command: values.commandLine.meta({ description: "Shell command.", example: "hostname" }),
  expect: values.plainText.optional().meta({
    description: "The output that the command must print, apart from white space at the ends. Default: any output.",
    example: "ok",
  }),
  timeout: values.seconds(1).default(60).meta({ description: "Seconds that the command may take.", example: 60 }),
});

/** See {@link smokeTest}. */
export type SmokeTest = z.output<typeof smokeTest>;

/** The jail of a VMM. */
export const jailArguments = {
  /**
   * Firecracker's jailer on the droplet; auto: the `jailer` beside Firecracker, of the same version; off: VMMs run as root.
   * @default auto
   */
  jailer: values.jailerPath.default("auto"),
  /**
   * The uids, and the gids of the same numbers, that jailed VMMs run as: one for each clone.
   * @default 70000 to 79999
   */
  uids: values.idRange.default(defaults.uids),
};

/** A clone's VM. */
export const vmArguments = {
  /**
   * The guest's login user.
   * @default root
   */
  user: values.loginName.default(defaults.user),
  /**
   * Public keys that may log in.
   * @default []
   */
  authorizedKeys: z.array(values.authorizedKey).default([]),
  /** The agent's environment. Kept as a secret. */
  env: values.environment.default({}),
  /**
   * How the guest receives its identity; auto: as the artifact allows.
   * @default auto
   */
  identity: z.enum(["auto", ...identityMethods]).default("auto"),
  /** The private key on the operator's machine that logs in to a guest without identity service. */
  loginKeyPath: values.operatorPath.optional(),
  /** How the agent in the guest is run; left out, as the guest's image says. */
  agent: z.strictObject(agentFields).optional(),
  /** The guest's own service that is its agent, in a guest without identity service. */
  agentService: values.serviceName.optional(),
  /** @default /usr/bin/firecracker */
  firecracker: values.programPaths.default(defaults.firecracker),
  ...jailArguments,
  /**
   * What the VMM may use of the droplet.
   * @default 256 processes and threads, 2048 open files, file sizes by the clone's disk
   */
  limits: limitsSchema.prefault({}),
  /**
   * What the VM's devices may transfer per second.
   * @default 1 MiB for the serial console
   */
  rates: ratesSchema.prefault({}),
  /** How a RecoveryKeeper of the same stack restarts the VMM; left out: it does not. */
  recovery: recoverySchema.optional(),
  /**
   * The kernel for a boot from the clone's own disk, where the artifact brings none.
   * @default /opt/swarm/images/vmlinux.bin
   */
  kernel: values.absolutePath.default(defaults.kernel),
  /**
   * Seconds until the clone must answer as itself; 0: Hornet does not wait.
   * @default 60
   */
  readyTimeout: values.seconds(0).default(60),
  /**
   * Seconds that the guest gets to shut down before its VMM is killed; 0: it is killed at once.
   * @default 0
   */
  shutdownTimeout: values.seconds(0).default(0),
  /** Commands that must succeed after every change of the clone, once it is ready. */
  smokeTests: z.array(smokeTest).default([]),
  /**
   * How many of the stack's clones may be down at once while they move to another snapshot.
   * @default 1
   */
  maxUnavailable: values.cloneCount(1).default(1),
};
