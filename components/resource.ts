import { resolve } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { ownerCalled, ownerMark, type Owner } from "../plan/owner";
import { pack, type Packs } from "../providers/packed";

/** How a droplet is reached: over ssh, or this machine itself. */
export type DropletArgs =
  | { local: true; timeout?: number | undefined; lanes?: number | undefined }
  | {
      /** Name or address. */
      host: string;
      /** @default root */
      user?: string;
      /** @default 22 */
      port?: number;
      /** On the operator's machine; left out, ssh's own agent and default keys are used. */
      privateKeyPath?: string | undefined;
      /** The droplet's public host key, `ssh-ed25519 AAAA…`; left out, the operator's known_hosts must have it. */
      hostKey?: string | undefined;
      /**
       * Seconds that connecting, or one command, may take.
       * @default 60
       */
      timeout?: number | undefined;
      /**
       * Commands at once, at most 8.
       * @default 4
       */
      lanes?: number | undefined;
    };

/** What every resource of Hornet takes. */
export interface CommonArgs {
  /** The droplet to work on. */
  droplet: pulumi.Input<DropletArgs>;
  /**
   * The mark that says whose it is on the droplet.
   * @default derived from organization, project and stack
   */
  owner?: pulumi.Input<string>;
  /**
   * The folder on the droplet in which Hornet keeps what it runs.
   * @default /opt/swarm/runtime
   */
  runtimeDir?: pulumi.Input<string>;
  /**
   * Seconds that a VMM may take to open its socket, to answer one request, or to end.
   * @default 30
   */
  vmmTimeout?: pulumi.Input<number>;
}

/** The kinds of resource, as provide.cjs names them. */
export type Kind =
  | "DropletCheck"
  | "DropletClaim"
  | "DropletLimits"
  | "Bridge"
  | "Clone"
  | "CloneNamespace"
  | "ConsoleKeeper"
  | "MetricsCollector"
  | "NatRuleSet"
  | "SnapshotArtifact"
  | "SnapshotProof"
  | "FirecrackerVM"
  | "SmokeTest"
  | "SshConfig";

const root = resolve(__dirname, "..");

/**
 * The code that the engine keeps with every resource and runs to manage it: one line that requires the real provider.
 * It stands in state twice a resource, so it is short; it is the same on every machine, so no `up` sees a change in it;
 * and because it only points at the code, `refresh` and `destroy` run what is in the checkout now.
 *
 * Relative paths resolve from the program's folder. A program of somebody else's finds the package by its name.
 */
export function providerText(kind: Kind, programFolder: string = process.cwd()): string {
  const where = resolve(programFolder) === root ? "./provide.cjs" : "hornet/provide.cjs";
  return `exports.handler=()=>require('${where}').${kind}`;
}

/** A dynamic resource under a type name of its own, whose provider is found by {@link providerText}. */
export abstract class HornetResource extends pulumi.CustomResource {
  /** What is not as declared, in words; `as declared` where nothing is. */
  declare readonly condition: pulumi.Output<string>;

  protected constructor(
    kind: Kind,
    name: string,
    args: CommonArgs & object,
    outputs: readonly string[],
    opts?: pulumi.CustomResourceOptions,
    packs: Packs = {},
  ) {
    const props: pulumi.Inputs = {
      ...pack(packs, { owner: thisStack(), ...args }, asText),
      ...Object.fromEntries(outputs.map((output) => [output, undefined])),
      condition: undefined,
      __provider: providerText(kind),
    };
    // Names exist once on a droplet: what is replaced goes first, also where a person asks for it (`--replace`).
    super(`pulumi-nodejs:dynamic/hornet:${kind}`, name, props, { deleteBeforeReplace: true, ...opts });
  }
}

/** JSON of what may hold outputs; of what holds none without the promises that the SDK makes for an output. */
function asText(members: Record<string, unknown>): pulumi.Input<string> {
  return isPlain(members) ? JSON.stringify(members) : pulumi.jsonStringify(members);
}

function isPlain(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return true;
  if (pulumi.Output.isInstance(value) || value instanceof Promise) return false;
  return Object.values(value).every(isPlain);
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
