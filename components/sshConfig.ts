import * as pulumi from "@pulumi/pulumi";
import type { sshConfigInputs } from "../providers/droplet/sshConfig";
import type { ResourceArgs } from "./args";
import { HornetResource } from "./resource";

/** The arguments of a resource of this kind; the schema documents each. */
export type SshConfigArgs = Omit<ResourceArgs<typeof sshConfigInputs>, "stack">;

/** The ssh_config of a stack: `ssh -F FILE vm0` reaches a clone through its droplet, with its host key pinned. */
export class SshConfig extends HornetResource {
  /** The file's path, from the program's folder. */
  declare readonly file: pulumi.Output<string>;

  constructor(name: string, args: SshConfigArgs, opts?: pulumi.CustomResourceOptions) {
    super("SshConfig", name, { ...args, stack: pulumi.getStack() }, ["file"], opts);
  }
}
