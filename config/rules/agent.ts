/** Rules about the agent and about how guests are told who they are. */
import { finding, rule, type Rule } from "./rule";

export const agentRules: readonly Rule[] = [
  rule(
    "an agent's source needs a command, and a snapshot that is made by a boot",
    [
      ["agent", "source"],
      ["agent", "command"],
      ["agent", "service"],
      ["snapshot", "boot"],
    ],
    ({ agent, snapshot }) => {
      if (agent.source === undefined) return [];
      if (agent.command === undefined && agent.service === undefined) {
        return [finding(["agent", "command"], "is not set: it says how what source brings is run", "exec ./agent")];
      }
      if (snapshot.boot !== undefined) return [];
      const problem = "goes with hornet:snapshot.boot only: a snapshot that is there has its agent in it already";
      return [{ at: ["agent", "source"], problem, example: { at: ["snapshot"], value: { boot: {} } } }];
    },
  ),
  rule(
    "an agent must be run by a command or by a service",
    [
      ["agent", "command"],
      ["agent", "service"],
    ],
    ({ agent }) =>
      agent.command === undefined || agent.service === undefined
        ? []
        : [
            {
              at: ["agent", "service"],
              problem: "stands beside command: keep one of them, an agent is run once",
              example: { at: ["agent"], value: { command: agent.command } },
            },
          ],
  ),
];
