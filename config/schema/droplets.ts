/** Schema of several droplets in one stack: how to reach each, and the sections that it has otherwise than the stack. */
import { z } from "zod";
import { cloneNumber, label } from "../../model/values";
import { fleetSize } from "../../model/arguments/droplet";
import { agent } from "./agent";
import { bridge, dropletFields, fleet, vmm } from "./droplet";
import { clones, guest, identity, snapshot } from "./guest";
import { steps } from "./steps";

/** The sections that a droplet may have otherwise. config/droplets.ts merges what is written, so no default counts here. */
const sections = {
  bridge: own(bridge, "bridge", { address: "10.20.0.1/24" }),
  guest: own(guest, "guest", { user: "root" }),
  snapshot: own(snapshot, "snapshot", { keepGenerations: 1 }),
  fleet: own(fleet, "fleet", { readyTimeout: 120 }),
  identity: own(identity, "identity", { env: { REGION: "east" } }),
  agent: own(agent, "agent", { env: { REGION: "east" } }),
  vmm: own(vmm, "vmm", { limits: { memory: 320 } }),
  clones: clones
    .unwrap()
    .optional()
    .meta({
      description: "This droplet's own hornet:clones, key by key over the stack's.",
      type: "mapping of ids to settings",
      example: { "0": { identity: { env: { ROLE: "reviewer" } } } },
    }),
  steps: steps
    .unwrap()
    .optional()
    .meta({
      description: "This droplet's own hornet:steps, in place of the stack's.",
      type: "list, as hornet:steps",
      example: [{ name: "register", on: "operator", create: "./register $CLONE" }],
    }),
};

const droplet = z.strictObject({
  ...dropletFields.shape,
  count: fleetSize.optional().meta({
    description: "Number of clones on this droplet. Default: hornet:fleet.count.",
    example: 100,
  }),
  startId: cloneNumber.optional().meta({
    description:
      "The id of its first clone. No two droplets of a stack may have a clone with the same id. Default: a number that derives from the droplet's name, so that no other droplet changes it.",
    example: 1000,
  }),
  ...sections,
});

export const droplets = z
  .record(label, droplet)
  .prefault({})
  .meta({
    description:
      "Further droplets of the stack by name, each with its own clones (docs/several-droplets.md), beside hornet:droplet or in place of it. All other sections are every droplet's; a droplet may have each of them otherwise, key by key.",
    type: "mapping of names to droplets",
    example: {
      east: { host: "203.0.113.10", count: 100, startId: 0 },
      west: { host: "203.0.113.20", count: 50, startId: 1000, bridge: { address: "10.20.0.1/24" } },
    },
  });

/** The names of the sections that a droplet may have otherwise. */
export const OWN_SECTIONS: readonly string[] = Object.keys(sections);

function own<Section extends z.ZodPrefault<z.ZodObject>>(
  section: Section,
  name: string,
  example: unknown,
): z.ZodOptional<ReturnType<Section["unwrap"]>> {
  const inner = section.unwrap() as ReturnType<Section["unwrap"]>;
  return inner.optional().meta({
    description: `This droplet's own hornet:${name}, key by key over the stack's.`,
    type: `mapping, as hornet:${name}`,
    example,
  });
}
