/** Schema of the agent that runs in every clone. */
import { agentFields } from "../../model/arguments/vm";
import { commandLine, operatorPath, serviceName } from "../../model/values";
import { env, section } from "./parts";

export const agent = section(
  {
    source: operatorPath.optional().meta({
      description:
        "Folder, .tar or .tar.gz with the agent, on the operator's machine; snapshot.boot puts it into the guest at /opt/hornet-agent.",
      example: "/home/ops/agent",
    }),
    command: commandLine.optional().meta({
      description: "What runs the agent, one line for a POSIX shell, in /opt/hornet-agent.",
      example: "exec ./agent",
    }),
    env: env({
      description: "Environment of every clone's agent; identity.env goes over it. AGENT_ID is the clone's name.",
      example: { POLL_INTERVAL: "10" },
    }),
    user: agentFields.user.meta({
      description: "Whose process the agent is; a login name of the guest.",
      example: "root",
    }),
    restart: agentFields.restart.meta({
      description: "When an agent that has ended starts again.",
      example: "always",
    }),
    service: serviceName.optional().meta({
      description:
        "Instead of command, in guests without Hornet's identity service: the guest's own service (systemd, OpenRC or /etc/init.d) that is the agent.",
      example: "swarm-agent",
    }),
  },
  {
    description: "The agent: started in every clone once the clone is itself, and again when its environment changes.",
    example: { source: "/home/ops/agent", command: "exec ./agent" },
  },
);
