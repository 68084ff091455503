/**
 * The command line of the simulated droplets; `npm run droplet -- …`.
 */
import { parseArgs } from "node:util";
import { stringify } from "yaml";
import { dropletAttach } from "./enter";
import { listDroplets, rebootDroplet, startDroplet, stopDroplet, type StartOptions } from "./lifecycle";
import type { DropletRecord } from "./state";

const usage = `Simulated droplets: separate Linux hosts on this machine, reached over ssh at 127.0.0.1.

  start NAME [--port N] [--reflink] [--firecracker PATH] [--kernel PATH] [--rootfs PATH] [--json]
  reboot NAME [--json]
  stop NAME [--purge]
  list [--json]
  exec NAME -- COMMAND [ARGUMENT…]

start prints the block to put into Pulumi.<stack>.yaml. PATH may be "none"; by default the VMM stand-in, kernel and
image of this checkout are built and used. --reflink puts /opt/swarm on a file system that clones files by reference.
stop keeps the droplet's files and keys for the next start; --purge removes them.
`;

const flags = {
  port: { type: "string" },
  reflink: { type: "boolean" },
  firecracker: { type: "string" },
  kernel: { type: "string" },
  rootfs: { type: "string" },
  json: { type: "boolean", default: false },
  keep: { type: "boolean", default: false },
  purge: { type: "boolean", default: false },
  help: { type: "boolean", short: "h", default: false },
} as const;

function connection(record: DropletRecord): object {
  const { host, user, port, privateKeyPath, hostKey } = record;
  return { host, user, port, privateKeyPath, hostKey };
}

function print(record: DropletRecord, json: boolean): void {
  process.stdout.write(
    json
      ? `${JSON.stringify(record, null, 2)}\n`
      : stringify({ "hornet:droplet": connection(record) }, { lineWidth: 0 }),
  );
}

function portOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65535) throw new Error(`--port ${text}: a port is 1 to 65535.`);
  return port;
}

async function start(options: StartOptions, json: boolean): Promise<void> {
  const { droplet, started, differs } = await startDroplet(options);
  console.error(started ? `droplet ${droplet.name} started` : `droplet ${droplet.name} already runs`);
  if (differs.length > 0) {
    console.error(`it runs with another ${differs.join(", ")}; to change that, stop it first.`);
  }
  print(droplet, json);
}

async function list(json: boolean): Promise<void> {
  const droplets = await listDroplets();
  if (json) {
    process.stdout.write(`${JSON.stringify(droplets, null, 2)}\n`);
    return;
  }
  for (const { name, port, running, firecracker } of droplets) {
    process.stdout.write(`${name}\t127.0.0.1:${port}\t${running ? "running" : "stopped"}\t${firecracker ?? "-"}\n`);
  }
}

async function main(): Promise<number> {
  const end = process.argv.indexOf("--", 2);
  const command = end < 0 ? [] : process.argv.slice(end + 1);
  const args = end < 0 ? process.argv.slice(2) : process.argv.slice(2, end);
  const { values, positionals } = parseArgs({ args, options: flags, allowPositionals: true });
  const [verb, name, ...rest] = positionals;
  const { json, purge, keep, help, port, ...choice } = values;
  if (help || rest.length > 0 || (name === undefined && verb !== "list")) {
    process.stderr.write(usage);
    return help ? 0 : 2;
  }
  switch (verb) {
    case "list":
      await list(json);
      return 0;
    case "start":
      await start({ name: name ?? "", port: portOf(port), ...choice }, json);
      return 0;
    case "reboot":
      print(await rebootDroplet(name ?? ""), json);
      return 0;
    case "stop": {
      if (keep && purge) throw new Error("--keep and --purge exclude each other.");
      const was = await stopDroplet(name ?? "", { purge });
      console.error(
        was ? `droplet ${name ?? ""} ${purge ? "removed" : "stopped"}` : `droplet ${name ?? ""} did not run`,
      );
      return 0;
    }
    case "exec":
      return dropletAttach(name ?? "", command.length > 0 ? command : ["bash"]);
    default:
      process.stderr.write(usage);
      return 2;
  }
}

main().then(
  (code) => (process.exitCode = code),
  (error: unknown) => {
    console.error(`error: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  },
);
