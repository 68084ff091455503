/** Reads a Pulumi command line before the CLI gets it. */
import { LOCAL } from "../operator/localPaths";

/** Commands that name the stack without an option: `pulumi stack select dev`. */
const naming = ["select", "init", "new", "rm"];

/** Commands that read the stack's config file and can be told which one (`pulumi COMMAND --help`). */
const configured = [
  "up",
  "update",
  "preview",
  "pre",
  "destroy",
  "down",
  "refresh",
  "watch",
  "import",
  "logs",
  "config",
  "cfg",
];

/** Options with a value in the next argument that may stand before the command. */
const valued = [
  "-s",
  "--stack",
  "-C",
  "--cwd",
  "--color",
  "-v",
  "--verbose",
  "--tracing",
  "--profiling",
  "--otel-traces",
];

/** The words of a command line that are no options or their values: command, sub-command, operands. */
function wordsOf(args: readonly string[]): string[] {
  return args.filter((arg, at) => !arg.startsWith("-") && !valued.includes(args[at - 1] ?? ""));
}

/** The value of `-s`, `--stack`; undefined where it is not given. */
export function namedStack(args: readonly string[]): string | undefined {
  for (const [at, arg] of args.entries()) {
    if (arg === "--") return undefined;
    if (arg === "-s" || arg === "--stack") return args[at + 1];
    const [, joined] = /^(?:--stack=|-s=?)(.+)$/.exec(arg) ?? [];
    if (joined !== undefined) return joined;
  }
  return undefined;
}

/** The stack that a command line is about; `local` where it says nothing. */
export function stackOf(args: readonly string[]): string {
  const [command, verb, name] = wordsOf(args);
  const positional = command === "stack" && naming.includes(verb ?? "") ? name : undefined;
  return namedStack(args) ?? positional ?? process.env.PULUMI_STACK ?? LOCAL;
}

/** Whether a command line takes `--config-file` and does not have it yet. */
export function takesConfigFile(args: readonly string[]): boolean {
  const [command] = wordsOf(args);
  const given = args.some((arg) => arg === "--config-file" || arg.startsWith("--config-file="));
  return configured.includes(command ?? "") && !given;
}

/** @throws where the arguments of `npm run up` or `down` name another stack */
export function refuseOtherStack(command: string, args: readonly string[]): void {
  const stack = namedStack(args);
  if (stack === undefined || stack === LOCAL) return;
  throw new Error(`this is for the stack ${LOCAL}. For ${stack} run: npm run pulumi -- ${command} -s ${stack}`);
}
