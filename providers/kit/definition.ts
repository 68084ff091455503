import { z } from "zod";
import { connectionSchema } from "../../model/connection";
import { defaults } from "../../model/defaults";
import { socketFolder } from "../../model/values";

/** The arguments that every resource of Hornet takes. */
export const commonInputs = z.object({
  /** The droplet to work on. */
  droplet: connectionSchema,
  /**
   * The owner label that tells on the droplet whose a thing is; see model/owner.ts.
   * @default derived from organization, project and stack
   */
  owner: z.string().min(1),
  /**
   * The folder on the droplet in which Hornet keeps what it runs.
   * @default /opt/swarm/runtime
   */
  runtimeDir: socketFolder.default(defaults.runtimeDir),
  /**
   * Seconds that a VMM may take to open its socket, to answer one request, or to end.
   * @default 30
   */
  vmmTimeout: z.number().positive().default(30),
});

/** See {@link commonInputs}; the lineage is that of the state which the resource is in, see owned.ts. */
export type CommonInputs = z.infer<typeof commonInputs> & { readonly lineage?: string | undefined };

/** What a read found: gone, or there, with what is not as declared in words; `told` where those were said before. */
export type Reading<Outputs> =
  "gone" | { readonly outputs: Outputs; readonly drift: readonly string[]; readonly told?: boolean };

/** One kind of resource: what it takes and how it lives. Every function may do I/O but those that only compare. */
export interface Definition<Inputs extends CommonInputs, Outputs> {
  /** Its name, for messages. */
  readonly kind: string;
  readonly inputs: z.ZodObject & z.ZodType<Inputs>;
  readonly outputs: z.ZodType<Outputs>;
  /** It is on the operator's machine, not on the droplet. */
  readonly here?: true;
  /** Inputs whose change makes another resource of it. The rest is mended in place. */
  readonly replaceOn: readonly (keyof Inputs & string)[];
  id(inputs: Inputs): string;
  /** What is wrong with inputs that are each well-formed; no I/O. */
  readonly fault?: (inputs: Inputs) => string | undefined;
  create(inputs: Inputs): Promise<Outputs>;
  read(state: Inputs & Outputs): Promise<Reading<Outputs>>;
  update(state: Inputs & Outputs, inputs: Inputs): Promise<Outputs>;
  delete(state: Inputs & Outputs): Promise<void>;
}
