/** Rules about what clones are told. */
import { oversize } from "../../firecracker/metadataSize";
import { cloneName } from "../../model/names";
import { finding, type Finding, rule, type Rule } from "./rule";
import type { ConfigShape } from "../schema";
import { agentOf, identityOf } from "../spec";

const EXAMPLES = { env: { API_URL: "http://10.0.0.1:8080" }, authorizedKeys: [] };

export const identityRules: readonly Rule[] = [
  rule(
    "what a clone is told must fit into Firecracker's metadata",
    [["identity"], ["agent"], ["clones"], ["guest"], ["fleet", "count"], ["fleet", "startId"]],
    (shape) => {
      const { fleet, clones, guest } = shape;
      // Over ssh there is no limit; what cloud-init is told is measured where its script is made.
      if (fleet.count === 0 || guest.identity === "ssh" || guest.identity === "cloud-init") return [];
      // Of those that have nothing of their own the last one has the longest name.
      const shared = sizeFinding({ ...shape, clones: {} }, fleet.startId + fleet.count - 1);
      if (shared !== undefined) return [shared];
      return Object.keys(clones).flatMap((id) => sizeFinding(shape, Number(id)) ?? []);
    },
    { showsNoValue: true },
  ),
  rule(
    "AGENT_ID must not be one for all clones",
    [["identity"], ["agent"]],
    ({ identity, agent }) =>
      Object.entries({ identity, agent })
        .filter(([, { env }]) => Object.hasOwn(env, "AGENT_ID"))
        .map(([section]) => ({
          at: [section, "env", "AGENT_ID"],
          problem: "would make all agents one: each has its clone's name for an id; hornet:clones may name one clone's",
          example: { at: [section, "env"], value: EXAMPLES.env },
        })),
    { showsNoValue: true },
  ),
];

function sizeFinding(shape: ConfigShape, id: number): Finding | undefined {
  const { run, service } = agentOf(shape.agent);
  const { authorizedKeys, env } = identityOf(shape, id);
  const hostname = cloneName(id);
  const declared = { hostname, authorizedKeys, user: shape.guest.user, env: { AGENT_ID: hostname, ...env }, service };
  const found = oversize({ ...declared, agent: run }, "service");
  if (found === undefined) return undefined;
  const problem = `is too large: ${found.problem}`;
  const own = ["clones", String(id), "identity"];
  if (Object.hasOwn(shape.clones, String(id))) return finding(own, problem, { env: { ROLE: "reviewer" } });
  return finding(["identity", found.part], problem, EXAMPLES[found.part]);
}
