/**
 * `npm run image`: makes a guest's root file system for `hornet:snapshot.boot.rootfs`: Hornet's own, or from a tar archive
 * (--from, such as Alpine's minirootfs), Debian (--debootstrap) or a container image (--oci).
 */
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { agentFile } from "../firecracker/identity";
import { readAgent } from "../providers/artifact/agent";
import { layersOf } from "./image/oci";
import { checkout } from "../operator/localPaths";

const usage = `npm run image -- --out FILE [SOURCE] [OPTION…]
  --from TAR                  a root file system as a tar archive; may be given again, for layers over it
  --debootstrap SUITE         Debian's minimal system, with --packages A,B, --mirror URL; --refresh installs it again
  --oci DIR                   a container image: OCI's layout, or docker save's, in a folder
                              (without any of the three: Hornet's own guest)
  --agent DIR|TAR             an agent, with --command LINE, --user NAME (root), --restart always|on-failure|never
  --add DIR                   files to lay over it; may be given again
  --init KIND, --sshd KIND    busybox, openrc, systemd; dropbear, openssh; the default is what the image has
  --no-service                without Hornet's identity service: the guest gets its identity over ssh
  --size MIB`;

const text = { type: "string" } as const;
const options = {
  out: text,
  from: { type: "string", multiple: true, default: [] as string[] },
  debootstrap: text,
  packages: text,
  mirror: text,
  refresh: { type: "boolean", default: false },
  oci: text,
  agent: text,
  command: text,
  user: { type: "string", default: "root" },
  restart: { type: "string", default: "always" },
  add: { type: "string", multiple: true, default: [] as string[] },
  init: text,
  sshd: text,
  "no-service": { type: "boolean", default: false },
  size: text,
} as const;

type Values = ReturnType<typeof parse>;

function parse(args: readonly string[]): ReturnType<typeof parseArgs<{ options: typeof options }>>["values"] {
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : String(error)}\n${usage}`);
  }
}

/** @returns the exit code */
export function main(args: readonly string[]): number {
  const values = parse(args);
  const { out } = values;
  if (out === undefined) throw new Error(usage);
  const sources = [values.from.length > 0, values.debootstrap !== undefined, values.oci !== undefined];
  if (sources.filter(Boolean).length > 1) throw new Error(`--from, --debootstrap and --oci: one of them\n${usage}`);
  const folder = mkdtempSync(join(tmpdir(), "hornet-image-"));
  try {
    const adds = [...values.add, ...agentFolder(folder, values)].flatMap((add) => ["--add", resolve(add)]);
    const size = optional(values, "size");
    const argv = sources.some(Boolean)
      ? ["build-rootfs.sh", ...sourceArguments(values), ...size]
      : ["build-image.sh", ...own(values), ...size];
    const [script, ...rest] = [...argv, ...adds, "--out", resolve(out)];
    const { status } = spawnSync(join(checkout, "guest", script), rest, { stdio: ["ignore", "ignore", "inherit"] });
    if (status !== 0) return status ?? 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const digest = execFileSync("sha256sum", [out], { encoding: "utf8" }).split(" ")[0] ?? "";
  process.stdout.write(
    `${out}\nsha256 ${digest}\nCopy it to the droplet, to /opt/swarm/images/rootfs.ext4; hornet:snapshot.boot makes the snapshot from it.\n`,
  );
  return 0;
}

function sourceArguments(values: Values): string[] {
  const layers = values.oci === undefined ? values.from : layersOf(resolve(values.oci));
  return [
    ...layers.flatMap((layer) => ["--layer", resolve(layer)]),
    ...(["debootstrap", "packages", "mirror", "init", "sshd"] as const).flatMap((key) => optional(values, key)),
    ...(["refresh", "no-service"] as const).flatMap((key) => (values[key] ? [`--${key}`] : [])),
  ];
}

/** @throws for options that do not apply to Hornet's own guest */
function own(values: Values): string[] {
  const foreign = (["packages", "mirror", "init", "sshd", "refresh", "no-service"] as const).filter(
    (key) => values[key] !== undefined && values[key] !== false,
  );
  if (foreign.length === 0) return [];
  throw new Error(
    `--${foreign.join(", --")}: not for Hornet's own guest; give --from, --debootstrap or --oci\n${usage}`,
  );
}

function optional(values: Values, key: "debootstrap" | "packages" | "mirror" | "init" | "sshd" | "size"): string[] {
  const value = values[key];
  return value === undefined ? [] : [`--${key}`, value];
}

/** The agent's files, laid out as they go into the image. */
function agentFolder(folder: string, { agent, command, user, restart }: Values): string[] {
  if (agent === undefined && command === undefined) return [];
  if (command === undefined) throw new Error(`--agent needs --command, the command line that runs it\n${usage}`);
  if (restart !== "always" && restart !== "on-failure" && restart !== "never") {
    throw new Error(`--restart ${restart}: use always, on-failure or never`);
  }
  const files = join(folder, "opt/hornet-agent");
  // The agent's user must be able to read the files, whatever the mode of the source folder and the umask are.
  process.umask(0o022);
  mkdirSync(files, { recursive: true });
  if (agent !== undefined) execFileSync("tar", ["-xpf", "-", "-C", files], { input: readAgent(agent).tar });
  chmodSync(files, 0o755);
  mkdirSync(join(folder, "etc/hornet"), { recursive: true });
  writeFileSync(join(folder, "etc/hornet/agent.conf"), agentFile({ command, user, restart }), { mode: 0o600 });
  return [folder];
}
