/** Guest images that Hornet did not make. */
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

const checkout = resolve(__dirname, "../..");

/** Files to add to an image, by path: content, content with another mode than 0644, or a symbolic link. */
export type Overlay = Readonly<
  Record<string, string | { readonly text: string; readonly mode: number } | { readonly link: string }>
>;

/** An ssh key pair in files. */
export interface KeyPair {
  /** The private key's file. */
  readonly file: string;
  /** `ssh-ed25519 AAAA…` */
  readonly line: string;
}

export function keyPair(folder: string, name: string): KeyPair {
  const file = join(folder, name);
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", file]);
  return { file, line: readFileSync(`${file}.pub`, "utf8").trim() };
}

/** Writes an overlay into a new folder and returns it. */
export function layOut(folder: string, name: string, overlay: Overlay): string {
  const added = join(folder, `${name}.d`);
  for (const [path, content] of Object.entries(overlay)) {
    const file = join(added, path);
    mkdirSync(dirname(file), { recursive: true });
    if (typeof content === "object" && "link" in content) {
      symlinkSync(content.link, file);
      continue;
    }
    const { text, mode } = typeof content === "string" ? { text: content, mode: 0o644 } : content;
    writeFileSync(file, text);
    chmodSync(file, mode);
  }
  // Where one lies over a folder of the image, its mode is the image's: ssh is particular about these.
  if ("root/.ssh/authorized_keys" in overlay)
    for (const path of ["root", "root/.ssh"]) chmodSync(join(added, path), 0o700);
  return added;
}

/** Builds the checkout's guest image with added files and returns its path. */
export function guestImage(folder: string, name: string, overlay: Overlay): string {
  const argv = ["--add", layOut(folder, name, overlay), "--out", join(folder, `${name}.ext4`)];
  return execFileSync(resolve(checkout, "guest/build-image.sh"), argv, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  }).trim();
}

/**
 * The files of a guest without anything of Hornet's: an ssh server with its own host keys that `login` may log in to, and
 * an agent that init starts.
 */
export function foreignGuest(login: string, agent: string): Overlay {
  const service = `#!/bin/sh
# As service managers do: nothing of the caller's environment comes through but what says so.
case $1 in
  start) start-stop-daemon -S -b -m -p /run/swarm-agent.pid -x /opt/swarm-agent ;;
  stop) start-stop-daemon -K -q -p /run/swarm-agent.pid; exit 0 ;;
esac
`;
  return {
    "etc/inittab": `::sysinit:/etc/hornet/boot
::once:/etc/init.d/swarm-agent start
::respawn:/usr/sbin/dropbear -F -R -s
::ctrlaltdel:/sbin/reboot
`,
    "etc/init.d/swarm-agent": { text: service, mode: 0o755 },
    "opt/swarm-agent": { text: agent, mode: 0o755 },
    "root/.ssh/authorized_keys": { text: `${login}\n`, mode: 0o600 },
  };
}
