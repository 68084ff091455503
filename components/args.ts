import type * as pulumi from "@pulumi/pulumi";
import type { z } from "zod";

/** A value whose parts, at any depth, may be outputs of other resources. */
type Deep<T> = unknown extends T
  ? T
  : T extends string | number | boolean | null | undefined
    ? T
    : T extends readonly (infer Item)[]
      ? readonly pulumi.Input<Deep<Item>>[]
      : { [K in keyof T]: pulumi.Input<Deep<T[K]>> };

/** A program's arguments for a schema, which is the only place that declares and documents an argument. */
export type ArgsOf<S extends z.ZodType> = { [K in keyof z.input<S>]: pulumi.Input<Deep<z.input<S>[K]>> };

/** The arguments of a resource; its owner label defaults to the stack's. */
export type ResourceArgs<S extends z.ZodType> = Omit<ArgsOf<S>, "owner"> & { owner?: pulumi.Input<string> };
