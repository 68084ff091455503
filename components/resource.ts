import { resolve } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import type { z } from "zod";
import type { connectionSchema } from "../model/connection";
import { UNKEPT_KEY, unkeptPaths } from "../model/formats";
import { ownerCalled, ownerLabel, type Owner } from "../model/owner";
import type { Kind } from "../providers/kinds";
import type { commonInputs } from "../providers/kit/definition";
import type { ResourceArgs } from "./args";
import { omitUndefined } from "./omitUndefined";

/** A droplet's connection: over ssh, or this machine. */
export type DropletArgs = z.input<typeof connectionSchema>;

/** The arguments that every resource of Hornet takes. */
export type CommonArgs = ResourceArgs<typeof commonInputs>;

const root = resolve(__dirname, "..");

/**
 * The code that the engine keeps with every resource and runs to manage it: one line that requires the real provider. It is
 * short, because the state has it twice for each resource; it is the same on every machine, so no `up` sees a change in it;
 * and because it only refers to the code, `refresh` and `destroy` run the current checkout.
 *
 * Relative paths resolve from the program's folder. Another program finds the package by its name.
 */
export function providerText(kind: Kind, programFolder: string = process.cwd()): string {
  const where = resolve(programFolder) === root ? "./providers.cjs" : "hornet/providers.cjs";
  return `exports.handler=()=>require('${where}').${kind}`;
}

/** A dynamic resource with its own type name; {@link providerText} finds its provider. */
export abstract class HornetResource extends pulumi.CustomResource {
  /** The drift messages; `as declared` if there are none. */
  declare readonly condition: pulumi.Output<string>;

  protected constructor(
    kind: Kind,
    name: string,
    args: object,
    outputs: readonly string[],
    opts?: pulumi.CustomResourceOptions,
  ) {
    for (const path of unkeptPaths(args)) {
      throw new pulumi.RunError(
        `${kind} ${name}: no key may be named ${UNKEPT_KEY}, as one in ${path.slice(0, -1).join(".") || "its arguments"} is`,
      );
    }
    const props: pulumi.Inputs = {
      owner: thisStack(),
      ...omitUndefined(args),
      ...Object.fromEntries(outputs.map((output) => [output, undefined])),
      condition: undefined,
      __provider: providerText(kind),
    };
    // Names are unique on a droplet, so the old resource goes first, also with `--replace`.
    super(`pulumi-nodejs:dynamic/hornet:${kind}`, name, props, { deleteBeforeReplace: true, ...opts });
  }
}

/**
 * The owner label of the running stack.
 *
 * @param fleet one of several fleets of the stack, which has its own owner label
 * @param knownAs the stack's former whole name, which droplets still use
 */
export function thisStack(fleet?: string, knownAs?: string): string {
  const { organization, project, stack } = knownAs === undefined ? ownName() : ownerCalled(knownAs);
  return ownerLabel({ organization, project, stack: fleet === undefined ? stack : `${stack}/${fleet}` });
}

function ownName(): Owner {
  return { organization: pulumi.getOrganization(), project: pulumi.getProject(), stack: pulumi.getStack() };
}
