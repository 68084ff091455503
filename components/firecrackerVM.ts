import * as pulumi from "@pulumi/pulumi";
import type { vmInputs } from "../providers/vm/inputs";
import type { ResourceArgs } from "./args";
import { HornetResource } from "./resource";

/** The arguments of a resource of this kind; the schema documents each. */
export type FirecrackerVMArgs = ResourceArgs<typeof vmInputs>;

/** One clone's VMM process: restored from the snapshot, on a private disk, with its identity set before it runs. */
export class FirecrackerVM extends HornetResource {
  declare readonly name: pulumi.Output<string>;
  declare readonly namespace: pulumi.Output<string>;
  declare readonly address: pulumi.Output<string>;
  /** The clone's ssh host key. */
  declare readonly sshHostKey: pulumi.Output<string>;
  /** Changes with every new identity. Use it as a trigger for follow-up resources. */
  declare readonly generation: pulumi.Output<string>;
  declare readonly pid: pulumi.Output<number>;
  /** How its disk was copied: `reflink` or `sparse`. */
  declare readonly disk: pulumi.Output<string>;
  /** The version of Firecracker that runs it. */
  declare readonly vmm: pulumi.Output<string>;
  /** How its guest got its identity: `service`, `ssh` or `cloud-init`. */
  declare readonly identityMethod: pulumi.Output<string>;
  /** Whether its ssh has answered with its host key. */
  declare readonly ready: pulumi.Output<boolean>;
  /** ms spent on network, disk, launch, load, identity, resume, ready. */
  declare readonly timings: pulumi.Output<Record<string, number>>;

  constructor(name: string, args: FirecrackerVMArgs, opts?: pulumi.CustomResourceOptions) {
    const { env } = args;
    const secret = { ...args, ...(env !== undefined && { env: pulumi.secret(env) }) };
    super("FirecrackerVM", name, secret, OUTPUTS, { ...opts, additionalSecretOutputs: ["hostKeySeed", "env"] });
  }
}

/** The outputs that the provider adds to the inputs. */
const OUTPUTS = [
  "sshHostKey",
  "hostKeySeed",
  "generation",
  "pid",
  "disk",
  "vmm",
  "identityMethod",
  "ready",
  "timings",
] as const;
