import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { capture, type Argv } from "../../host/exec";
import { quote } from "../../host/quote";

/** The output of a command, without the newlines at the end. */
export interface Printed {
  readonly stdout: string;
  readonly stderr: string;
}

const end = z.object({
  host: z.string(),
  user: z.string().default("root"),
  port: z.coerce.number().default(22),
  privateKey: z.string().optional(),
  hostKey: z.string().optional(),
});
type End = z.infer<typeof end>;
/** The connection of a `remote.Command`, as far as Hornet uses it. */
const connectionOf = end.extend({ proxy: end.optional() });

/** Runs a command by a shell of this machine. */
export function runHere(
  command: string,
  stdin: string,
  environment: Readonly<Record<string, string>>,
): Promise<Printed> {
  return run(["/bin/sh", "-c", command], stdin, { ...process.env, ...environment });
}

/** Runs a command over ssh, through the connection's proxy if it has one. Checks the host key if the connection has one. */
export async function runThere(
  command: string,
  stdin: string,
  environment: Readonly<Record<string, string>>,
  connection: unknown,
): Promise<Printed> {
  const { proxy, ...target } = connectionOf.parse(connection);
  const folder = mkdtempSync(join(tmpdir(), "command-"));
  try {
    const through = proxy === undefined ? [] : [`ProxyCommand=${sshTo(folder, "proxy", proxy, ["-W", "%h:%p"])}`];
    const variables = Object.entries(environment).map(([name, value]) => `SetEnv=${name}=${value}`);
    const argv = login(folder, "target", target, [...through, ...variables]);
    return await run([...argv, target.host, command], stdin, process.env);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function sshTo(folder: string, name: string, to: End, args: readonly string[]): string {
  return [...login(folder, name, to, []).map(quote), ...args, quote(to.host)].join(" ");
}

function login(folder: string, name: string, to: End, more: readonly string[]): Argv {
  const file = (kind: string, content: string): string => {
    const path = join(folder, `${name}.${kind}`);
    writeFileSync(path, content, { mode: 0o600 });
    return path;
  };
  const host = to.port === 22 ? to.host : `[${to.host}]:${to.port}`;
  const known = file("known", to.hostKey === undefined ? "" : `${host} ${to.hostKey}\n`);
  const options = [
    "BatchMode=yes",
    "LogLevel=ERROR",
    `StrictHostKeyChecking=${to.hostKey === undefined ? "no" : "yes"}`,
    // As the plugin does, so that a server with several keys shows the pinned one.
    ...(to.hostKey === undefined ? [] : [`HostKeyAlgorithms=${to.hostKey.split(" ", 1)[0] ?? ""}`]),
    `UserKnownHostsFile=${known}`,
    ...(to.privateKey === undefined ? [] : [`IdentityFile=${file("key", to.privateKey)}`, "IdentitiesOnly=yes"]),
    ...more,
  ];
  return ["ssh", ...options.flatMap((option) => ["-o", option]), "-l", to.user, "-p", String(to.port)];
}

async function run(argv: Argv, input: string, env: NodeJS.ProcessEnv): Promise<Printed> {
  const { code, stdout, stderr } = await capture(argv, { input, env });
  if (code !== 0) throw new Error(`the command ended with ${code}: ${stderr.trim()}`);
  return { stdout: stdout.trimEnd(), stderr: stderr.trimEnd() };
}
