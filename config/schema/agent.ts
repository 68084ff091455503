/** Schema of the agent that runs in every clone. */
import { z } from "zod";
import { ENV_TYPE, env } from "./env";
import * as formats from "../../model/formats";
import { section, text } from "./parts";

export const agent = section(
  {
    source: text(formats.keyPathProblem).optional().meta({
      description:
        "Folder, .tar or .tar.gz with the agent, on the operator's machine; snapshot.boot puts it into the guest at /opt/hornet-agent.",
      example: "/home/ops/agent",
    }),
    command: text(formats.commandProblem).optional().meta({
      description: "What runs the agent, one line for a POSIX shell, in /opt/hornet-agent.",
      example: "exec ./agent",
    }),
    env: env.meta({
      description: "Environment of every clone's agent; identity.env goes over it. AGENT_ID is the clone's name.",
      type: ENV_TYPE,
      example: { POLL_INTERVAL: "10" },
    }),
    user: text(formats.userProblem).default("root").meta({
      description: "Whose process the agent is; a login name of the guest.",
      example: "root",
    }),
    restart: z.enum(["always", "on-failure", "never"]).default("always").meta({
      description: "When an agent that has ended starts again.",
      example: "always",
    }),
    service: text(formats.serviceProblem).optional().meta({
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
