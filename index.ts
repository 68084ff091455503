import { getStack } from "@pulumi/pulumi";
import { CloneFleet } from "./components";
import { resolveDroplet } from "./components/fleet/resolveDroplet";
import { loadConfig } from "./config";

const spec = loadConfig();
const { droplet, operatorKeys } = resolveDroplet(spec.droplet, {
  stack: getStack(),
  concurrency: spec.fleet.concurrency,
});
const fleet = new CloneFleet("fleet", { spec, droplet, operatorKeys });

export const clones = fleet.clones;
export const snapshot = fleet.snapshot;
export const transferred = fleet.transferred;
export const snapshotDigest = fleet.snapshotDigest;
export const timings = fleet.timings;
export const sshConfig = fleet.sshConfig;
