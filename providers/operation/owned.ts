import { z } from "zod";
import { LINEAGE } from "../../model/lineage";
import type { CommonInputs, Definition } from "../kit/definition";
import { enterDroplet, foreignToRead, foreignToRemove, noteLineage, withKnownLineage } from "./lineage";
import { reportOnce } from "./reportOnce";

const ofLineage = z.object({ lineage: z.string().regex(LINEAGE).optional() });

/** What every resource on a droplet knows beside its own outputs. */
type Owned = z.infer<typeof ofLineage>;

/**
 * A kind of resource on a droplet, which belongs to one state (see lineage.ts): another state of the same names changes
 * nothing there, is told who owns it, and removes nothing. The lineage is an output of every resource, since a `destroy` has
 * nothing but the state, and a program of somebody else's may use any kind alone.
 */
export function owned<Inputs extends CommonInputs, Outputs extends object>(
  definition: Definition<Inputs, Outputs>,
): Definition<Inputs, Outputs & Owned> {
  return {
    ...definition,
    outputs: definition.outputs.and(ofLineage),
    create: async (inputs) => {
      const entered = await enterDroplet(inputs);
      return { ...(await definition.create(entered)), lineage: entered.lineage };
    },
    read: async (state) => {
      const known = withKnownLineage(state);
      const foreign = await foreignToRead(known);
      if (foreign !== undefined) {
        reportOnce(foreign);
        return { outputs: definition.outputs.and(ofLineage).parse(state), drift: [foreign], told: true };
      }
      const reading = await definition.read(known);
      if (reading === "gone") return reading;
      const { lineage } = state;
      return lineage === undefined ? reading : { ...reading, outputs: { ...reading.outputs, lineage } };
    },
    update: async (state, inputs) => {
      noteLineage(state.owner, state.lineage);
      const entered = await enterDroplet(inputs);
      const { lineage } = entered;
      return { ...(await definition.update({ ...state, lineage }, entered)), lineage };
    },
    delete: async (state) => {
      const known = withKnownLineage(state);
      const foreign = await foreignToRemove(known);
      if (foreign === undefined) await definition.delete(known);
      else reportOnce(foreign);
    },
  };
}
