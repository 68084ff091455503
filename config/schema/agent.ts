/** Schema of the agent that runs in every clone. */
import { agentFields } from "../../model/arguments/vm";
import { commandLine, operatorPath, serviceName } from "../../model/values";
import { env, section } from "./parts";

export const agent = section(
  {
    source: operatorPath.optional().meta({
      description:
        "Folder, .tar or .tar.gz with the agent, on the operator's machine. snapshot.boot copies it into the guest, to /opt/hornet-agent.",
      example: "/home/ops/agent",
    }),
    command: commandLine.optional().meta({
      description: "Command that runs the agent: one line for a POSIX shell, in /opt/hornet-agent.",
      example: "exec ./agent",
    }),
    env: env({
      description: "Environment of every clone's agent. identity.env overrides it. AGENT_ID is the clone's name.",
      example: { POLL_INTERVAL: "10" },
    }),
    user: agentFields.user.meta({
      description: "Login name of the guest's user that runs the agent.",
      example: "root",
    }),
    restart: agentFields.restart.meta({
      description: "When Hornet's service restarts an agent that has exited.",
      example: "always",
    }),
    service: serviceName.optional().meta({
      description:
        "Instead of command, for guests without Hornet's identity service: the guest's own service (systemd, OpenRC or /etc/init.d) that runs the agent.",
      example: "swarm-agent",
    }),
  },
  {
    description:
      "The agent. It starts in every clone once the clone has its identity, and restarts when its environment changes.",
    example: { source: "/home/ops/agent", command: "exec ./agent" },
  },
);
