import { z } from "zod";
import { LINEAGE } from "../../model/lineage";
import { enterDroplet, foreignToRead, foreignToRemove } from "../operation/ownership";
import type { CommonInputs, Definition } from "./definition";

const lineageOutput = z.object({ lineage: z.string().regex(LINEAGE).optional() });

/** The output that every resource on a droplet has besides its own. */
type Owned = z.infer<typeof lineageOutput>;

/**
 * A kind of resource on a droplet, which belongs to one state (see operation/lineage.ts). Another state with the same names
 * changes and removes nothing there, and reports who owns the fleet. Every resource has the lineage as an output, because a
 * `destroy` has only the state, and another program may use any kind alone.
 */
export function owned<Inputs extends CommonInputs, Outputs extends object>(
  definition: Definition<Inputs, Outputs>,
): Definition<Inputs, Outputs & Owned> {
  const outputs = definition.outputs.and(lineageOutput);
  return {
    ...definition,
    outputs,
    create: async (droplet, inputs) => {
      const entered = await enterDroplet(droplet, inputs);
      return { ...(await definition.create(droplet, entered)), lineage: entered.lineage };
    },
    read: async (droplet, state) => {
      const known = droplet.lineages.known(state);
      const foreign = await foreignToRead(droplet, known);
      if (foreign !== undefined) {
        droplet.reports.reportOnce(foreign);
        return { outputs: outputs.parse(state), drift: [foreign], reported: true };
      }
      const reading = await definition.read(droplet, known);
      if (reading === "gone") return reading;
      const { lineage } = state;
      return lineage === undefined ? reading : { ...reading, outputs: { ...reading.outputs, lineage } };
    },
    update: async (droplet, state, inputs) => {
      droplet.lineages.note(state.owner, state.lineage);
      const entered = await enterDroplet(droplet, inputs);
      const { lineage } = entered;
      return { ...(await definition.update(droplet, { ...state, lineage }, entered)), lineage };
    },
    delete: async (droplet, state, replaced) => {
      const known = droplet.lineages.known(state);
      const foreign = await foreignToRemove(droplet, known);
      if (foreign === undefined) await definition.delete(droplet, known, replaced);
      else droplet.reports.reportOnce(foreign);
    },
  };
}
