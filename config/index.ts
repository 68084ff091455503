/** A stack's config: read, checked, and the droplet it names resolved. */
export { resolveDroplet, type ResolvedDroplet } from "../components/fleet/resolveDroplet";
export { loadConfig } from "./load";
export { parseConfig } from "./parse";
export type { FleetSpec } from "./spec";
