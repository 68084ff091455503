import { randomBytes } from "node:crypto";
import { access, chmod, mkdir, readFile, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { writeWhole } from "../../host/wholeFile";
import { dropletPaths, type DropletPaths } from "./paths";
import { run } from "./run";

/** The size that the image of /opt/swarm pretends to have; blocks are taken from the disk as they are written. */
const swarmImageBytes = 64 * 1024 ** 3;

const sshdConfig = [
  "HostKey /etc/ssh/ssh_host_ed25519_key",
  "AuthorizedKeysFile .ssh/authorized_keys",
  "PermitRootLogin prohibit-password",
  "PasswordAuthentication no",
  "KbdInteractiveAuthentication no",
  "UsePAM no",
  "StrictModes no",
  "AllowTcpForwarding yes",
  "UseDNS no",
  "PrintMotd no",
  "PrintLastLog no",
  "LogLevel ERROR",
  "AcceptEnv LANG LC_*",
  "Subsystem sftp internal-sftp",
  "",
].join("\n");

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** A full disk leaves an empty file, which counts as none. */
async function hasContent(path: string): Promise<boolean> {
  return stat(path).then(
    ({ size }) => size > 0,
    () => false,
  );
}

async function makeKey(path: string, comment: string): Promise<void> {
  if ((await hasContent(path)) && (await hasContent(`${path}.pub`))) return;
  for (const file of [path, `${path}.pub`]) await rm(file, { force: true });
  await run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", path]);
}

async function makeEtc(name: string, paths: DropletPaths): Promise<void> {
  if (!(await exists(paths.etc))) {
    const temporary = `${paths.etc}.new`;
    await rm(temporary, { recursive: true, force: true });
    await run(["cp", "-a", "--reflink=auto", "/etc", temporary]);
    await writeFile(join(temporary, "machine-id"), `${randomBytes(16).toString("hex")}\n`);
    await rename(temporary, paths.etc);
  }
  const ssh = join(paths.etc, "ssh");
  await mkdir(ssh, { recursive: true });
  for (const file of await readdir(ssh)) if (file.startsWith("ssh_host_")) await rm(join(ssh, file));
  for (const suffix of ["", ".pub"]) {
    await run([
      "install",
      "-m",
      suffix ? "0644" : "0600",
      paths.hostKey + suffix,
      join(ssh, `ssh_host_ed25519_key${suffix}`),
    ]);
  }
  writeWhole(join(ssh, "sshd_config"), sshdConfig, 0o644);
  writeWhole(join(paths.etc, "hostname"), `${name}\n`, 0o644);
  writeWhole(join(paths.etc, "hosts"), `127.0.0.1 localhost\n127.0.1.1 ${name}\n::1 localhost\n`, 0o644);
  // Without PAM, sshd treats a password that begins with "!" as a locked account, and "*" as one without a password.
  const shadow = join(paths.etc, "shadow");
  const text = await readFile(shadow, "utf8");
  writeWhole(shadow, text.replace(/^root:[^:]*:/m, "root:*:"));
}

async function makeSwarmImage(paths: DropletPaths): Promise<void> {
  if (await exists(paths.swarmImage)) return;
  const temporary = `${paths.swarmImage}.new`;
  await rm(temporary, { force: true });
  await run(["truncate", "-s", String(swarmImageBytes), temporary]);
  await run(["mkfs.xfs", "-q", "-m", "reflink=1", temporary]);
  await rename(temporary, paths.swarmImage);
}

/**
 * Makes the files that a droplet keeps across starts: keys, /etc, /root, /opt, logs. Existing ones stay.
 * @param reflink whether /opt/swarm is on an XFS image
 * @returns the host's public key without its comment
 */
export async function makeFiles(name: string, reflink: boolean): Promise<string> {
  const paths = dropletPaths(name);
  await mkdir(paths.folder, { recursive: true, mode: 0o700 });
  await makeKey(paths.privateKey, `droplet ${name}`);
  await makeKey(paths.hostKey, name);
  for (const folder of [paths.opt, paths.root, paths.varLog, paths.varTmp, paths.swarm, join(paths.root, ".ssh")]) {
    await mkdir(folder, { recursive: true });
  }
  await chmod(paths.root, 0o700);
  await chmod(join(paths.root, ".ssh"), 0o700);
  await chmod(paths.varTmp, 0o1777);
  await makeEtc(name, paths);
  await run(["install", "-m", "0600", `${paths.privateKey}.pub`, join(paths.root, ".ssh/authorized_keys")]);
  if (reflink) await makeSwarmImage(paths);
  const [type = "", key = ""] = (await readFile(`${paths.hostKey}.pub`, "utf8")).split(" ");
  return `${type} ${key.trim()}`;
}
