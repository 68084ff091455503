import { egressOf, type FleetSpec } from "../../config/spec";
import type { ClonePlan } from "../../model/names";
import type { Forward } from "../../plan/network/bridge";
import { namesIn } from "../../plan/network/nameServer";
import type { DeclaredNetwork } from "../dropletCheck";

/** The ports that clones publish on the droplet's own addresses. */
export function forwardsOf({ clones }: FleetSpec, plans: readonly ClonePlan[]): Forward[] {
  return plans.flatMap(({ id, address }) =>
    (clones[String(id)]?.publish ?? [])
      .filter(({ on }) => on === "uplink")
      .map(({ port, protocol }) => ({ port, protocol, address })),
  );
}

/** The clones whose egress names hosts, by their lists. */
export function namePoliciesOf(spec: FleetSpec, plans: readonly ClonePlan[]): { clones: string[]; egress: string[] }[] {
  return guestsOf(spec, plans).filter(({ egress }) => namesIn(egress));
}

/** The clones by what they may open connections to. */
function guestsOf(spec: FleetSpec, plans: readonly ClonePlan[]): { clones: string[]; egress: string[] }[] {
  const groups = new Map<string, { clones: string[]; egress: string[] }>();
  for (const { id, address } of plans) {
    const egress = egressOf(spec, id);
    const key = JSON.stringify(egress);
    const group = groups.get(key) ?? { clones: [], egress: [...egress] };
    group.clones.push(address);
    groups.set(key, group);
  }
  return [...groups.values()];
}

/** The fleet's network, as Preflight judges it. */
export function networkOf(spec: FleetSpec, plans: readonly ClonePlan[]): DeclaredNetwork {
  const { address, firstId, uplink, closed, services } = spec.bridge;
  const forwards = forwardsOf(spec, plans);
  return {
    address,
    ...(firstId !== 0 && { firstId }),
    uplink,
    closed,
    forwards,
    services: [...services],
    guests: guestsOf(spec, plans),
  };
}
