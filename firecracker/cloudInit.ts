import { MMDS_ADDRESS } from "./devices";

/** The metadata for an image's own cloud-init. */
export interface Instance {
  /** cloud-init does again what is to be done once an instance where this is another one. */
  readonly id: string;
  readonly hostname: string;
  readonly authorizedKeys: readonly string[];
}

/** The versions under which cloud-init looks for EC2's: its oldest, and whatever else asks for the latest. */
const CLOUD_VERSIONS = ["2009-04-04", "latest"];

/** Leads to the script, which so is there once: the metadata has a limit. */
const USER_DATA = `#include\nhttp://${MMDS_ADDRESS}/hornet/script\n`;

/**
 * The paths that cloud-init asks for: EC2's, and NoCloud's below /nocloud/.
 *
 * @param withScript there is a script at /hornet/script that it is to run
 */
export function cloudMetadata(
  { id, hostname, authorizedKeys }: Instance,
  withScript: boolean,
): Record<string, unknown> {
  const userData = withScript ? { "user-data": USER_DATA } : {};
  const leaves = authorizedKeys.flatMap((key, at): [string, unknown][] => [
    [String(at), { "openssh-key": key }],
    // A listing of EC2's says `0=NAME`; the metadata service lists names only, so it is one.
    [`${at}=key-${at}`, ""],
  ]);
  const ec2 = {
    "meta-data": {
      "instance-id": id,
      hostname,
      "local-hostname": hostname,
      "public-keys": Object.fromEntries(leaves),
    },
    ...userData,
  };
  // NoCloud wants YAML, which JSON is.
  const yaml = JSON.stringify({ "instance-id": id, "local-hostname": hostname, "public-keys": authorizedKeys });
  const nocloud = { "meta-data": yaml, "user-data": "", "vendor-data": "", ...userData };
  return { ...Object.fromEntries(CLOUD_VERSIONS.map((version) => [version, ec2])), nocloud };
}

/** With which the drive begins that holds a clone's identity. */
export const DRIVE_MARK = "#hornet-identity";

/**
 * The user data of a clone, which cloud-init runs as root: it runs the script on the drive. The drive's name depends on how many others there are, so
 * its beginning tells. Its content goes to a shell's stdin, because arguments are everybody's to read.
 */
export const driveScript = `#!/bin/sh
tries=0
while [ "$tries" -lt 50 ]; do
  for disk in /dev/vd[a-z] /dev/vd[a-z][a-z] /dev/sd[a-z]; do
    if [ -b "$disk" ] && [ "$(head -c ${DRIVE_MARK.length} "$disk" 2>/dev/null | tr -d '\\000')" = '${DRIVE_MARK}' ]; then
      exec sh <"$disk"
    fi
  done
  tries=$((tries + 1))
  sleep 0.1
done
echo 'hornet-identity: failed drive: there is none with an identity' >/dev/console
exit 1
`;

/** The console line of a template with cloud-init, once cloud-init is done. */
export const CLOUD_INIT_DONE = "cloud-init done";

/**
 * The metadata of a template: it is an instance like any other, so that it has host keys and an ssh server, but nobody's. Its
 * clones boot from its disk, so it says that it is done only when what cloud-init wrote is on it.
 */
export function templateMetadata(): unknown {
  const script = `#!/bin/sh\nsync\necho 'hornet-identity: ${CLOUD_INIT_DONE}' >/dev/console\n`;
  return {
    hornet: { script },
    ...cloudMetadata({ id: "i-template", hostname: "template", authorizedKeys: [] }, true),
  };
}

/**
 * The kernel's command line for a guest whose cloud-init is to find its metadata: a machine without DMI says by nothing else
 * where it is, and without a DHCP server the address that the kernel set is the only one there is. What is there already is
 * left, so an image may be told another source.
 *
 * `nocloud-net`, not `nocloud`: that is a source without network to cloud-init 22.4, which then runs nothing of what comes
 * after the network (cloudinit/sources/DataSourceNoCloud.py); later ones take either.
 *
 * @param bootArgs the command line without it
 */
export function cloudInitArgs(bootArgs: string): string {
  const given = bootArgs.split(/\s+/);
  const has = (...starts: string[]): boolean => given.some((word) => starts.some((start) => word.startsWith(start)));
  return [
    bootArgs,
    ...(has("ds=", "ci.ds=", "ci.datasource", "cloud-init=")
      ? []
      : [`ds=nocloud-net;s=http://${MMDS_ADDRESS}/nocloud/`]),
    ...(has("network-config=") ? [] : ["network-config=disabled"]),
  ].join(" ");
}
