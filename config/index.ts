/** A stack's config: read and checked. */
export { loadConfig } from "./load";
export { parseConfig } from "./parse";
export type { FleetSpec } from "./spec";
