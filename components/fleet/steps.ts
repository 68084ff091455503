/** The user's commands for each clone (`hornet:steps`), as resources of @pulumi/command. */
import { readFileSync } from "node:fs";
import type * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { isSecret } from "../../config/load";
import type { FleetSpec, StepSpec } from "../../config/spec";
import { messageOf } from "../../host/errors";
import { quote } from "../../host/quote";
import { expandHome } from "../../host/ssh/options";
import type { ClonePlan } from "../../model/names";
import type { Clone } from "../clone";
import { omitUndefined } from "../omitUndefined";
import type { DropletArgs } from "../resource";

/** A clone whose steps are declared. */
export interface SteppedClone {
  readonly plan: ClonePlan;
  readonly clone: Clone;
}

/** The context of all steps of a fleet. */
export interface StepContext {
  readonly spec: FleetSpec;
  readonly droplet: DropletArgs;
  /** Makes a resource's name from a clone's. */
  readonly named: (clone: string) => string;
}

type Connection = command.types.input.remote.ConnectionArgs;
interface Commands {
  readonly create?: string;
  readonly delete?: string;
  readonly triggers?: pulumi.Input<string>[];
}

/** A place where a step's commands run. */
interface Place {
  /** Declares one resource of @pulumi/command. */
  declare(name: string, commands: Commands, opts: pulumi.CustomResourceOptions): pulumi.Resource;
}

/** Declares all steps of all clones, in order for each clone. Loads @pulumi/command only if there are any. */
export function declareSteps(clones: readonly SteppedClone[], context: StepContext): void {
  const { steps } = context.spec;
  if (steps.length === 0) return;
  const key = steps.some(({ on }) => on !== "operator") ? loginKey(context.droplet) : undefined;
  for (const stepped of clones) {
    let previous: readonly pulumi.Resource[] = [stepped.clone.vm];
    for (const step of steps) {
      if (step.clones?.includes(stepped.plan.id) === false) continue;
      previous = declareStep(step, stepped, previous, { ...context, key });
    }
  }
}

/** @returns the resources that the clone's next step depends on */
function declareStep(
  step: StepSpec,
  { plan, clone }: SteppedClone,
  previous: readonly pulumi.Resource[],
  { spec, droplet, named, key }: StepContext & { key: pulumi.Output<string> | undefined },
): readonly pulumi.Resource[] {
  const place = placeOf(step, { plan, clone }, { spec, droplet, key });
  const name = named(`${plan.name}-${step.name}`);
  const { create, delete: remove } = step;
  const opts = (dependsOn: readonly pulumi.Resource[]): pulumi.CustomResourceOptions => ({
    parent: clone.vm,
    dependsOn: [...dependsOn],
    // A command's output may repeat a secret.
    additionalSecretOutputs: ["stdout", "stderr"],
  });
  let last = previous;
  if (create !== undefined || remove !== undefined) {
    // A clone that is made again has another host key, which changes this resource: the engine updates it, and so runs
    // `create`. A trigger would replace it, and run the old `delete` on a clone, or a droplet, that is gone.
    const commands = omitUndefined({ create, delete: remove });
    last = [place.declare(name, commands, { ...opts(last), deleteBeforeReplace: true })];
  }
  if (step.identity === undefined) return last;
  const triggers = [clone.vm.generation];
  return [place.declare(`${name}.identity`, { create: step.identity, triggers }, opts(last))];
}

function placeOf(
  step: StepSpec,
  { plan, clone }: SteppedClone,
  { spec, droplet, key }: Pick<StepContext, "spec" | "droplet"> & { key: pulumi.Output<string> | undefined },
): Place {
  const { local, remote } = loadCommand();
  const { name: CLONE, address: ADDRESS, namespace: NAMESPACE } = plan;
  const facts = pulumi.output({ CLONE, ADDRESS, NAMESPACE, HOST_KEY: clone.vm.sshHostKey });
  const here: Place = {
    declare: (name, { create, delete: remove, triggers }, opts) => {
      const [first, last] = [create, remove].map((text) => (text === undefined ? undefined : shown(text)));
      const commands = omitUndefined({ create: first, delete: last, triggers });
      const stdin = step.stdin === undefined ? {} : { stdin: pulumi.secret(step.stdin) };
      const environment = pulumi.secret(facts.apply((known) => ({ ...known, ...step.env })));
      return new local.Command(name, { ...commands, ...stdin, ...QUIET, environment }, opts);
    },
  };
  if (step.on === "operator") return here;
  const bastion = "local" in droplet ? undefined : { ...loginTo(droplet), ...omitUndefined({ privateKey: key }) };
  if (step.on === "droplet" && bastion === undefined) return here;
  const connection: Connection =
    step.on === "droplet" && bastion !== undefined
      ? bastion
      : {
          host: plan.address,
          user: spec.guest.user,
          hostKey: clone.vm.sshHostKey,
          ...omitUndefined({ privateKey: key, proxy: bastion }),
        };
  return {
    declare: (name, { create, delete: remove, triggers }, opts) => {
      const wrapped = (text: string | undefined): pulumi.Input<string> | undefined =>
        text === undefined ? undefined : facts.apply((known) => shown(remoteScript(text, known, step.env)));
      const commands = omitUndefined({ create: wrapped(create), delete: wrapped(remove), triggers });
      const stdin = remoteStdin(step);
      const input = stdin === "" ? {} : { stdin: pulumi.secret(stdin) };
      return new remote.Command(name, { ...commands, ...input, ...QUIET, connection }, opts);
    },
  };
}

/**
 * A command's text as an input. Pulumi reports only that a whole key contains an encrypted value, so any of the texts may be
 * that value.
 */
function shown(text: string): pulumi.Output<string> {
  return isSecret("steps") || isSecret("droplets") ? pulumi.secret(text) : pulumi.output(text);
}

/**
 * By default the plugin prints a command's output on the operator's terminal, with a hostile guest's control characters and with
 * secrets, and passes the previous output as a variable, which most ssh servers refuse with a warning for each command.
 */
const QUIET = { logging: "none", addPreviousOutputInEnv: false } as const;

/**
 * A command for the login shell of the droplet or the guest: it starts a POSIX shell, whatever the login shell is. ssh servers
 * refuse variables, and argument lists must not contain secrets, so the shell reads the environment from the first line of
 * its input and leaves the rest to the command.
 */
export function remoteScript(
  script: string,
  facts: Readonly<Record<string, string>>,
  env: Readonly<Record<string, string>>,
): string {
  const plain = Object.entries(facts).map(([name, value]) => `export ${name}=${quote(value)}`);
  const read = ["hornet_nl='\n'", 'IFS= read -r hornet_env && eval "$hornet_env"', "unset hornet_nl hornet_env"];
  const lines = [...plain, ...(Object.keys(env).length === 0 ? [] : read), script];
  return `exec /bin/sh -c ${quote(lines.join("\n"))}`;
}

/** The input of {@link remoteScript}: the environment on one line, then the step's input. */
export function remoteStdin({ env, stdin = "" }: Pick<StepSpec, "env" | "stdin">): string {
  const exports = Object.entries(env).map(
    ([name, value]) => `export ${name}='${value.replaceAll("'", `'\\''`).replaceAll("\n", `'"$hornet_nl"'`)}'`,
  );
  return exports.length === 0 ? stdin : `${exports.join(";")}\n${stdin}`;
}

function loginTo({ host, user, port, hostKey }: Exclude<DropletArgs, { local: true }>): Omit<Connection, "proxy"> {
  return { host, ...omitUndefined({ user, port, hostKey }) };
}

/**
 * The operator's key as text, because the plugin opens no file. Without a key, or with one that has a passphrase, the plugin
 * uses ssh's agent.
 *
 * @throws RunError if the file cannot be read
 */
function loginKey(droplet: DropletArgs): pulumi.Output<string> | undefined {
  if ("local" in droplet || droplet.privateKeyPath === undefined) return undefined;
  try {
    const text = readFileSync(expandHome(droplet.privateKeyPath), "utf8");
    return hasPassphrase(text) ? undefined : pulumi.secret(text);
  } catch (error) {
    throw new pulumi.RunError(`hornet:droplet.privateKeyPath cannot be read: ${messageOf(error)}`);
  }
}

/** Whether a private key is encrypted: PEM contains a word for that, OpenSSH's format names a cipher (PROTOCOL.key). */
export function hasPassphrase(key: string): boolean {
  if (key.includes("ENCRYPTED")) return true;
  const body = /-----BEGIN OPENSSH PRIVATE KEY-----([\s\S]*?)-----END/.exec(key)?.[1];
  if (body === undefined) return false;
  const bytes = Buffer.from(body, "base64");
  const start = "openssh-key-v1\0".length + 4;
  return bytes.subarray(start, start + 4).toString("latin1") !== "none";
}

/** Loaded only for steps: most stacks have none, and loading slows every start of the program. */
function loadCommand(): typeof command {
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  return require("@pulumi/command") as typeof command;
}
