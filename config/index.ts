/** A stack's config: read and checked. */
export { loadConfig, loadStack } from "./load";
export { parseConfig } from "./parse";
export { parseStack, type NamedFleet } from "./stack";
export type { FleetSpec } from "./spec";
