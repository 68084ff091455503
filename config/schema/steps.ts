/** Schema of the user's own commands that follow each clone. */
import { z } from "zod";
import * as formats from "../../model/formats";
import { cloneNumber, label, text } from "../../model/values";
import { env } from "./parts";

const script = text(formats.scriptProblem).optional();

const step = z.strictObject({
  name: label.meta({
    description: "Name of the step, unique in the list; the stack shows it as CLONE-NAME.",
    example: "register",
  }),
  on: z.enum(["clone", "droplet", "operator"]).default("clone").meta({
    description:
      "Where the commands run: in the clone or on the droplet, both over ssh, or on the operator's machine, in the program's folder.",
    example: "operator",
  }),
  create: script.meta({
    description: "Shell command for a new clone. It runs again when this step changes.",
    example: "./register $CLONE $ADDRESS",
  }),
  identity: script.meta({
    description:
      "Shell command for every new identity of a clone: when the clone is made, when its VM restarts or moves to another snapshot, when its keys or environment change. It runs again when this step changes.",
    example: "curl --fail --silent http://localhost:8080/warm",
  }),
  delete: script.meta({
    description: "Shell command before the clone is removed.",
    example: "./deregister $CLONE",
  }),
  env: env({
    description:
      "Environment of the commands, kept secret. Hornet also sets CLONE, ADDRESS, NAMESPACE and HOST_KEY (the clone's).",
    example: { REGISTRY: "http://203.0.113.20:8080" },
  }),
  stdin: text(formats.stdinProblem).optional().meta({
    description: "Standard input of the commands, kept secret.",
    example: "hello",
  }),
  clones: z
    .array(cloneNumber)
    .min(1)
    .optional()
    .meta({ description: "Ids of the clones that the step is for. Default: all.", type: "list of ids", example: [0] }),
});

export const steps = z
  .array(step)
  .default([])
  .meta({
    description:
      "Your own commands for each clone. They run in the order of this list, once the clone is ready; delete commands run in reverse order. They are resources of @pulumi/command (docs/steps.md).",
    example: [{ name: "register", on: "operator", create: "./register $CLONE", delete: "./deregister $CLONE" }],
  });
