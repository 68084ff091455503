import type * as pulumi from "@pulumi/pulumi";
import type { SmokeTestArgs as CommandArgs } from "./firecrackerVM";
import { HornetResource, type CommonArgs } from "./resource";

/** What a {@link SmokeTest} takes. */
export interface SmokeTestResourceArgs extends CommonArgs {
  /** The clone's name. */
  name: pulumi.Input<string>;
  namespace: pulumi.Input<string>;
  /** Its own address. */
  address: pulumi.Input<string>;
  /** @default root */
  user?: pulumi.Input<string>;
  /** The key that it must answer ssh with: {@link FirecrackerVM.sshHostKey}. */
  hostKey: pulumi.Input<string>;
  tests: pulumi.Input<pulumi.Input<CommandArgs>[]>;
  /** Another value than before runs the tests again: the clone's generation, a digest. */
  triggers?: pulumi.Input<pulumi.Input<string>[]>;
}

/**
 * Commands that must succeed on the droplet or in a clone, in a program of one's own. A {@link CloneFleet} runs those of
 * `hornet:fleet.smokeTests` itself, since its roll waits for them.
 */
export class SmokeTest extends HornetResource {
  /** When they last passed. */
  declare readonly passed: pulumi.Output<string>;

  constructor(name: string, args: SmokeTestResourceArgs, opts?: pulumi.CustomResourceOptions) {
    super("SmokeTest", name, args, ["passed"], opts);
  }
}
