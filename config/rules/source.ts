/** Rules about keys of which exactly one is wanted: the droplet's, and the snapshot's. */
import { finding, type Finding, rule, type Rule } from "./rule";
import type { DropletFields } from "../spec";
import type { KeyPath } from "../schema/walk";

const DROPLET_KINDS = ["host", "local", "simulated"] as const;
const SSH_ONLY = ["privateKeyPath", "hostKey"] as const;
const EXAMPLE_DROPLET = { host: "203.0.113.10", user: "root", privateKeyPath: "~/.ssh/swarm_key" };
const SNAPSHOT_KINDS = ["path", "boot", "from"] as const;

export const sourceRules: readonly Rule[] = [
  rule("hornet:droplets is for programs that read several droplets", [["droplets"]], ({ droplets }) => {
    const [name] = Object.keys(droplets);
    if (name === undefined) return [];
    const problem = "names several droplets, but this program reads one: call loadStack() in place of loadConfig()";
    return [{ at: ["droplets"], problem, example: { at: ["droplet"], value: EXAMPLE_DROPLET } }];
  }),
  rule(
    "hornet:droplet must name one droplet",
    [["droplet"], ...DROPLET_KINDS.map((kind) => ["droplet", kind])],
    ({ droplet, droplets }) =>
      droplet === undefined
        ? Object.keys(droplets).length > 0
          ? []
          : [finding(["droplet"], "is not set: set hornet:droplet to the host that carries the fleet", EXAMPLE_DROPLET)]
        : dropletFindings(["droplet"], droplet),
  ),
  rule(
    "hornet:snapshot must have one source at most",
    SNAPSHOT_KINDS.map((kind) => ["snapshot", kind]),
    ({ snapshot }) => {
      const given = SNAPSHOT_KINDS.filter((kind) => snapshot[kind] !== undefined);
      if (given.length < 2) return [];
      const problem = `has ${given.join(" and ")}: keep one of them, a snapshot has one source`;
      return [finding(["snapshot"], problem, { path: "/opt/swarm/snapshots/alpine3.19-hornetos-v2" })];
    },
  ),
  rule(
    "hornet:snapshot.from must name either a stack, or a droplet and a path",
    ["stack", "droplet", "path"].map((key) => ["snapshot", "from", key]),
    ({ snapshot: { from } }) => {
      if (from === undefined) return [];
      const { stack, droplet, path } = from;
      const byStack = stack !== undefined && droplet === undefined && path === undefined;
      const byDroplet = stack === undefined && droplet !== undefined && path !== undefined;
      if (byStack || byDroplet) return [];
      return [finding(["snapshot", "from"], "must have either stack alone, or droplet and path", { stack: "dev" })];
    },
  ),
  rule(
    "hornet:snapshot.from.droplet must name one droplet",
    DROPLET_KINDS.map((kind) => ["snapshot", "from", "droplet", kind]),
    ({ snapshot }) => {
      const droplet = snapshot.from?.droplet;
      return droplet === undefined ? [] : dropletFindings(["snapshot", "from", "droplet"], droplet);
    },
  ),
];

function dropletFindings(at: KeyPath, droplet: DropletFields): readonly Finding[] {
  const given = DROPLET_KINDS.filter((kind) => droplet[kind] !== undefined);
  const [kind] = given;
  if (kind === undefined) return [finding(at, "names no droplet: set host, local or simulated", EXAMPLE_DROPLET)];
  if (given.length > 1) {
    return [finding(at, `has ${given.join(" and ")}: keep one of them, a fleet has one droplet`, EXAMPLE_DROPLET)];
  }
  const useless = SSH_ONLY.filter((key) => droplet[key] !== undefined);
  return kind === "host"
    ? []
    : useless.map((key) => ({
        at: [...at, key],
        problem: `goes with host only, not with ${kind}: take one of them out`,
        example: { at, value: { [kind]: droplet[kind] } },
      }));
}
