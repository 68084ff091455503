/** The arguments that concern a droplet as a whole. */
import { z } from "zod";
import { defaults } from "../defaults";
import * as values from "../values";

/** The arguments of every resource besides its droplet. */
export const commonArguments = {
  /**
   * The owner label of the resource's things on the droplet; see model/owner.ts.
   * @default derived from organization, project and stack
   */
  owner: values.ownerLabel,
  /**
   * The folder on the droplet in which Hornet keeps what it runs.
   * @default /opt/swarm/runtime
   */
  runtimeDir: values.socketFolder.default(defaults.runtimeDir),
  /**
   * Seconds that a VMM may take to open its socket, to answer one request, or to exit.
   * @default 30
   */
  vmmTimeout: values.seconds(1).default(30),
};

/**
 * MiB of a clone's console log.
 * @default 4
 */
export const consoleLimit = values.wholeNumber(1, 1024).default(4);

/** How many clones a fleet has. */
export const fleetSize = values.cloneCount(0);

/** What `hornet:droplet.harden` can set. Swap is ruled out for each VMM by its cgroup, the others are values of the droplet. */
export const HARDEN_POINTS = ["swap", "ksm", "smt", "nx_huge_pages", "kvm"] as const;

/** See {@link HARDEN_POINTS}. */
export const hardenPoints = z.array(z.enum(HARDEN_POINTS)).max(HARDEN_POINTS.length);
