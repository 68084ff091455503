import { z } from "zod";
import { commonArguments } from "../../model/arguments/droplet";
import { connectionSchema } from "../../model/connection";
import type { Droplet } from "../operation/droplet";

/** The arguments that every resource of Hornet takes. */
export const commonInputs = z.object({
  /** The droplet of the resource. */
  droplet: connectionSchema,
  ...commonArguments,
});

/** See {@link commonInputs}; the lineage is that of the resource's state, see owned.ts. */
export type CommonInputs = z.infer<typeof commonInputs> & { readonly lineage?: string | undefined };

/** Result of a read: gone, or present with its drift messages; `reported` if the user has already seen those. */
export type Reading<Outputs> =
  "gone" | { readonly outputs: Outputs; readonly drift: readonly string[]; readonly reported?: boolean };

/**
 * One kind of resource: its arguments and its life cycle. `create`, `read`, `update` and `delete` receive the droplet and may do
 * I/O; `read` changes nothing.
 */
export interface Definition<Inputs extends CommonInputs, Outputs> {
  /** Its name, for messages. */
  readonly kind: string;
  readonly inputs: z.ZodObject & z.ZodType<Inputs>;
  readonly outputs: z.ZodType<Outputs>;
  /** It is on the operator's machine, not on the droplet. */
  readonly here?: true;
  /**
   * It depends on all clones of its fleet, so the engine's state has them before this resource: they are no longer pending (see
   * operation/pendingClones.ts) once it was created or updated.
   */
  readonly completesClones?: true;
  /** Inputs whose change replaces the resource. Other changes are made in place. */
  readonly replaceOn: readonly (keyof Inputs & string)[];
  /**
   * Inputs that are outputs of other resources. If one of those fails in an `up` that continues on errors, check gets its
   * dependents without these inputs, and a fault would end the whole `up`: the engine skips the dependents afterwards.
   */
  readonly awaited?: readonly (keyof Inputs & string)[];
  /** Inputs that say only how it is made or updated: a change of these alone is no change. */
  readonly passive?: readonly (keyof Inputs & string)[];
  id(inputs: Inputs): string;
  /** The fault of inputs that are each well-formed, if any; no I/O. */
  readonly fault?: (inputs: Inputs) => string | undefined;
  create(droplet: Droplet, inputs: Inputs): Promise<Outputs>;
  read(droplet: Droplet, state: Inputs & Outputs): Promise<Reading<Outputs>>;
  update(droplet: Droplet, state: Inputs & Outputs, inputs: Inputs): Promise<Outputs>;
  /** @param replaced the program still declares it in the same place, so a create follows (`pulumi up --replace`) */
  delete(droplet: Droplet, state: Inputs & Outputs, replaced: boolean): Promise<void>;
}
