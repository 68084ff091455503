/** Simulated droplets: a Linux host each, in namespaces of this machine, reached over ssh like a rented one. */
export { dropletExec } from "./enter";
export {
  listDroplets,
  rebootDroplet,
  startDroplet,
  stopDroplet,
  type DropletStatus,
  type StartOptions,
  type StartResult,
} from "./lifecycle";
export { observeDroplet, type Observation } from "./observe";
export type { CommandResult } from "./run";
export type { DropletRecord } from "./state";
export { uplink } from "./uplink";
