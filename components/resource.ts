import { resolve } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import type { z } from "zod";
import type { connectionSchema } from "../model/connection";
import { UNKEPT_KEY, unkeptPaths } from "../model/formats";
import { ownerCalled, ownerMark, type Owner } from "../model/owner";
import type { Kind } from "../providers/kinds";
import type { commonInputs } from "../providers/kit/definition";
import type { ResourceArgs } from "./args";
import { omitUndefined } from "./omitUndefined";

/** How a droplet is reached: over ssh, or this machine itself. */
export type DropletArgs = z.input<typeof connectionSchema>;

/** The arguments that every resource of Hornet takes. */
export type CommonArgs = ResourceArgs<typeof commonInputs>;

const root = resolve(__dirname, "..");

/**
 * The code that the engine keeps with every resource and runs to manage it: one line that requires the real provider.
 * It stands in state twice a resource, so it is short; it is the same on every machine, so no `up` sees a change in it;
 * and because it only points at the code, `refresh` and `destroy` run what is in the checkout now.
 *
 * Relative paths resolve from the program's folder. A program of somebody else's finds the package by its name.
 */
export function providerText(kind: Kind, programFolder: string = process.cwd()): string {
  const where = resolve(programFolder) === root ? "./providers.cjs" : "hornet/providers.cjs";
  return `exports.handler=()=>require('${where}').${kind}`;
}

/** A dynamic resource under a type name of its own, whose provider is found by {@link providerText}. */
export abstract class HornetResource extends pulumi.CustomResource {
  /** What is not as declared, in words; `as declared` where nothing is. */
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
    // Names exist once on a droplet: what is replaced goes first, also where a person asks for it (`--replace`).
    super(`pulumi-nodejs:dynamic/hornet:${kind}`, name, props, { deleteBeforeReplace: true, ...opts });
  }
}

/**
 * The mark of the stack that runs.
 *
 * @param fleet one of several fleets of it, which has a mark of its own
 * @param knownAs the stack's whole name on droplets, where it has another one by now
 */
export function thisStack(fleet?: string, knownAs?: string): string {
  const { organization, project, stack } = knownAs === undefined ? ownName() : ownerCalled(knownAs);
  return ownerMark({ organization, project, stack: fleet === undefined ? stack : `${stack}/${fleet}` });
}

function ownName(): Owner {
  return { organization: pulumi.getOrganization(), project: pulumi.getProject(), stack: pulumi.getStack() };
}
