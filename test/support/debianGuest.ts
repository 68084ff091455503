import { execFileSync } from "node:child_process";
import { join, resolve } from "node:path";
import { layOut, type Overlay } from "./guestImage";

const builder = resolve(__dirname, "../../guest/build-rootfs.sh");

/**
 * A Debian guest without anything of Hornet's, whose ssh host keys are the same in every clone, as in any template.
 *
 * @returns the image's path
 */
export function debianGuest(
  folder: string,
  name: string,
  { suite, packages }: { readonly suite: string; readonly packages: string },
  files: Overlay,
): string {
  const overlay = { ...files, ...Object.fromEntries([hostKey(folder, name)]) };
  const image = join(folder, `${name}.ext4`);
  const argv = ["--debootstrap", suite, "--packages", packages, "--no-service", "--out", image];
  execFileSync(builder, [...argv, "--add", layOut(folder, name, overlay)], { stdio: ["ignore", "ignore", "inherit"] });
  return image;
}

function hostKey(folder: string, name: string): [string, { text: string; mode: number }] {
  const file = join(folder, `${name}-host`);
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", file]);
  return ["etc/ssh/ssh_host_ed25519_key", { text: execFileSync("cat", [file], { encoding: "utf8" }), mode: 0o600 }];
}
