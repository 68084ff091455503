/**
 * A stand-in for the plugin of @pulumi/command, for machines that cannot download it: `pulumi-resource-command ENGINE`. It
 * serves `command:local:Command` and `command:remote:Command` like version 1.2.1, as far as Hornet uses them: it really runs
 * the command, on this machine or over ssh; a changed trigger replaces the resource, any other change updates it.
 */
import { randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import * as provider from "@pulumi/pulumi/provider";
import { z } from "zod";
import { runHere, runThere, type Printed } from "./run";

const inputs = z.object({
  create: z.string().optional(),
  update: z.string().optional(),
  delete: z.string().optional(),
  environment: z.record(z.string(), z.string()).optional(),
  stdin: z.string().optional(),
  triggers: z.array(z.unknown()).optional(),
  connection: z.unknown().optional(),
  addPreviousOutputInEnv: z.boolean().default(true),
});
type Inputs = z.infer<typeof inputs>;

/** The key and the value by which the engine marks a secret on its way to a plugin (pulumi's property values). */
const SIGNATURE = "4dabf18193072939515e22adb298388d";
const SECRET = "1b47061264138c4ac30d75fd1eb44270";

/** The value without the engine's marks of secrets. Values that go back to the engine keep them. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value);
  const inner = entries.find(([key]) => key === "value")?.[1] as unknown;
  if (entries.some(([key, is]) => key === SIGNATURE && is === SECRET)) return plain(inner);
  return Object.fromEntries(entries.map(([key, one]) => [key, plain(one)]));
}

const outputs = z.object({ stdout: z.string().default(""), stderr: z.string().default("") });

function execute(urn: string, command: string | undefined, props: Inputs, olds: unknown): Promise<Printed> {
  const before = outputs.safeParse(plain(olds)).data ?? { stdout: "", stderr: "" };
  if (command === undefined) return Promise.resolve(before);
  const previous = props.addPreviousOutputInEnv
    ? { PULUMI_COMMAND_STDOUT: before.stdout, PULUMI_COMMAND_STDERR: before.stderr }
    : {};
  const { stdin = "", environment = {} } = props;
  if (urn.split("::").some((part) => part.endsWith("command:local:Command")))
    return runHere(command, stdin, { ...previous, ...environment });
  return runThere(command, stdin, environment, props.connection);
}

/** The inputs that differ, without the engine's own fields. */
function changed(olds: object, news: object): string[] {
  const [before, after] = [olds, news].map((from) => inputs.parse(plain(from)));
  return Object.keys(inputs.shape).filter(
    (key) => !isDeepStrictEqual(before?.[key as keyof Inputs], after?.[key as keyof Inputs]),
  );
}

class CommandProvider implements provider.Provider {
  readonly version = "1.2.1";

  check(_urn: string, _olds: unknown, news: unknown): Promise<provider.CheckResult> {
    return Promise.resolve({ inputs: news });
  }

  diff(_id: string, _urn: string, olds: object, news: object): Promise<provider.DiffResult> {
    const keys = changed(olds, news);
    const replaces = keys.filter((key) => key === "triggers");
    return Promise.resolve({ changes: keys.length > 0, replaces, deleteBeforeReplace: false });
  }

  async create(urn: string, props: object): Promise<provider.CreateResult> {
    const parsed = inputs.parse(plain(props));
    return { id: randomUUID(), outs: { ...props, ...(await execute(urn, parsed.create, parsed, {})) } };
  }

  async update(_id: string, urn: string, olds: object, news: object): Promise<provider.UpdateResult> {
    const parsed = inputs.parse(plain(news));
    return { outs: { ...news, ...(await execute(urn, parsed.update ?? parsed.create, parsed, olds)) } };
  }

  async delete(_id: string, urn: string, props: object): Promise<void> {
    const parsed = inputs.parse(plain(props));
    await execute(urn, parsed.delete, parsed, props);
  }
}

provider.main(new CommandProvider(), process.argv.slice(2)).catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
