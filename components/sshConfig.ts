import * as pulumi from "@pulumi/pulumi";
import { HornetResource, type CommonArgs } from "./resource";

/** What an {@link SshConfig} takes. */
export interface SshConfigArgs extends CommonArgs {
  /** The folder on the operator's machine, from the program's folder. */
  folder: pulumi.Input<string>;
  /**
   * The guests' login user.
   * @default root
   */
  user?: pulumi.Input<string>;
  /**
   * Each as `NAME ADDRESS`, followed by ` ssh-ed25519 AAAA…` where its host key is known; of an Ed25519 key the last 43
   * characters will do.
   */
  clones: pulumi.Input<pulumi.Input<string>[]>;
}

/** The ssh_config of a stack: `ssh -F FILE vm0` reaches a clone through its droplet, with its host key pinned. */
export class SshConfig extends HornetResource {
  /** The file's path, from the program's folder. */
  declare readonly file: pulumi.Output<string>;

  constructor(name: string, args: SshConfigArgs, opts?: pulumi.CustomResourceOptions) {
    super("SshConfig", name, { ...args, stack: pulumi.getStack() } as SshConfigArgs, ["file"], opts);
  }
}
