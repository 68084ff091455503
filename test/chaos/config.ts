/** What a test's fleet declares, by way of the config that a user would write. */
import { parseConfig } from "../../config/parse";
import { parseStack, type NamedFleet } from "../../config/stack";
import type { FleetSpec } from "../../config/spec";
import type { Connection } from "../../model/connection";
import { WEST_ID, type Declaration } from "./jobs";

/** The whole spec of a fleet on one droplet. */
export function specOf(declaration: Declaration): FleetSpec {
  const { fleet, ...sections } = sectionsOf(declaration);
  const parsed = parseConfig({ droplet: { local: true }, ...sections, fleet: { ...fleet, count: declaration.count } });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults));
  return parsed.spec;
}

/** The fleets of a stack with several droplets. The second droplet has none if the declaration names no clones of it. */
export function fleetsOf(
  declaration: Declaration,
  [east, west]: readonly [Connection, ...Connection[]],
): readonly NamedFleet[] {
  const droplets = {
    east: { ...east, count: declaration.count, startId: 0 },
    ...(declaration.west !== undefined && { west: { ...west, count: declaration.west, startId: WEST_ID } }),
  };
  const parsed = parseStack({ ...sectionsOf(declaration), droplet: {}, droplets });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults));
  return parsed.fleets;
}

function sectionsOf({
  count,
  memory,
  publish,
  egress,
  names,
  greeting,
  network,
  tap,
  metrics,
  limits,
  rates,
  recovery = "never",
}: Declaration): Readonly<Record<string, object>> {
  const own = {
    publish: publish.map((port) => ({ port, guestPort: 8080 })),
    ...(egress === null ? {} : { egress: { allow: [...egress] } }),
  };
  return {
    bridge: { address: network },
    guest: { tapName: tap },
    snapshot: { boot: { memory }, keepGenerations: 1 },
    fleet: { readyTimeout: 0, ...(names !== undefined && { egress: [...names] }) },
    vmm: {
      timeout: 4,
      recovery: { restart: recovery },
      ...(metrics !== undefined && { metrics }),
      ...(limits !== undefined && { limits }),
      ...(rates !== undefined && { rates }),
    },
    identity: { env: { GREETING: greeting } },
    clones: count === 0 ? {} : { "0": own },
  };
}
