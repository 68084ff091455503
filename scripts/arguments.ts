/** Reads a Pulumi command line before the CLI gets it. */
import { LOCAL } from "../operator/localPaths";

/** Commands that name the stack without an option: `pulumi stack select dev`. */
const naming = ["select", "init", "new", "rm"];

/** Commands that take `--config-file` (`pulumi COMMAND --help`). */
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

/** The arguments that are neither options nor values of options: command, sub-command, operands. */
function operandsOf(args: readonly string[]): string[] {
  return args.filter((arg, at) => !arg.startsWith("-") && !valued.includes(args[at - 1] ?? ""));
}

/** The value of `-s` or `--stack`; undefined without one. */
export function namedStack(args: readonly string[]): string | undefined {
  return valueOf(args, ["-s", "--stack"], /^(?:--stack=|-s=?)(.+)$/);
}

/** The value of `-C` or `--cwd`; undefined without one. */
export function folderOf(args: readonly string[]): string | undefined {
  return valueOf(args, ["-C", "--cwd"], /^(?:--cwd=|-C=?)(.+)$/);
}

function valueOf(args: readonly string[], names: readonly string[], joined: RegExp): string | undefined {
  for (const [at, arg] of args.entries()) {
    if (arg === "--") return undefined;
    if (names.includes(arg)) return args[at + 1];
    const [, value] = joined.exec(arg) ?? [];
    if (value !== undefined) return value;
  }
  return undefined;
}

/** The stack of a command line; `local` where it names none. */
export function stackOf(args: readonly string[]): string {
  const [command, verb, name] = operandsOf(args);
  const positional = command === "stack" && naming.includes(verb ?? "") ? name : undefined;
  return namedStack(args) ?? positional ?? process.env.PULUMI_STACK ?? LOCAL;
}

/** Whether a command line takes `--config-file` and does not have it yet. */
export function takesConfigFile(args: readonly string[]): boolean {
  const [command] = operandsOf(args);
  const given = args.some((arg) => arg === "--config-file" || arg.startsWith("--config-file="));
  return configured.includes(command ?? "") && !given;
}

/** @throws where the arguments of `npm run up` or `down` name another stack */
export function refuseOtherStack(command: string, args: readonly string[]): void {
  const stack = namedStack(args);
  if (stack === undefined || stack === LOCAL) return;
  throw new Error(`this is for the stack ${LOCAL}. For ${stack} run: npm run pulumi -- ${command} -s ${stack}`);
}
