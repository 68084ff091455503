/** How VMMs are restarted between two operations, as a config declares it. */
import { z } from "zod";
import { wholeNumber } from "../values";

const fields = {
  restart: z.enum(["always", "never"]).meta({
    description:
      "Whether a process on the droplet restarts a VMM that has ended, on the clone's own disk, until the next operation (docs/recovery.md). Clones of an image with its own cloud-init wait for that operation.",
    example: "always",
  }),
  budget: wholeNumber(1, 20).meta({
    description:
      "Restarts of one clone within an hour. Beyond that the VMM stays down until an hour has passed, or the next up.",
    example: 5,
  }),
  backoff: wholeNumber(1, 900).meta({
    description:
      "Seconds between the first restart of a clone within an hour and the second; each further pause is twice as long, up to 15 minutes.",
    example: 10,
  }),
  hung: z.union([z.literal(0), wholeNumber(10, 86_400)]).meta({
    description:
      "Seconds after which a VMM counts as hung and is restarted: its API answers nothing, the guest's console shows nothing new, and the guest's kernel answers no connection. 0: never.",
    type: "whole number, 0 or 10 to 86400",
    problem: "must be 0, or a whole number of seconds from 10 to 86400",
    example: 0,
  }),
};

/** The recovery of a fleet's VMMs. */
export const recoveryFields = {
  restart: fields.restart.default("always").meta({ ...fields.restart.meta() }),
  budget: fields.budget.default(5).meta({ ...fields.budget.meta() }),
  backoff: fields.backoff.default(10).meta({ ...fields.backoff.meta() }),
  hung: fields.hung.default(0).meta({ ...fields.hung.meta() }),
};

/** The recovery of one clone; the fleet's holds where it names none. */
export const ownRecoveryFields = {
  restart: fields.restart.optional().meta({ ...fields.restart.meta() }),
  budget: fields.budget.optional().meta({ ...fields.budget.meta() }),
  backoff: fields.backoff.optional().meta({ ...fields.backoff.meta() }),
  hung: fields.hung.optional().meta({ ...fields.hung.meta() }),
};

/** The recovery of a VMM that a RecoveryKeeper restarts. */
export const recoverySchema = z.strictObject({
  /** Restarts within an hour. */
  budget: fields.budget.default(5),
  /** Seconds between the first two restarts within an hour. */
  backoff: fields.backoff.default(10),
  /** Seconds of silence after which the VMM counts as hung; 0: never. */
  hung: fields.hung.default(0),
});
export type Recovery = z.output<typeof recoverySchema>;
