/** A fleet as an Ansible inventory, in the form that a dynamic inventory script prints. */
import { isLocal } from "../model/connection";
import type { FleetState } from "./state";

/** The variables of one host. */
export type HostVars = Readonly<Record<string, string | number | boolean>>;

/** The answer to `--list`. */
export interface Inventory {
  readonly _meta: { readonly hostvars: Readonly<Record<string, HostVars>> };
  readonly [group: string]:
    { readonly hosts: readonly string[] } | { readonly hostvars: Readonly<Record<string, HostVars>> };
}

/**
 * The inventory of a fleet: the groups `clones` and `droplets`, and one group a droplet. Ansible reaches each clone through the
 * ssh_config that `up` wrote, which knows its host key and the way through the droplet.
 *
 * @param resolvePath makes the path of an ssh_config absolute
 */
export function inventoryOf({ droplets, clones }: FleetState, resolvePath: (file: string) => string): Inventory {
  const hostvars = new Map<string, HostVars>();
  const groups = new Map<string, string[]>([
    ["clones", []],
    ["droplets", []],
  ]);
  for (const [at, droplet] of droplets.entries()) {
    const ssh =
      droplet.sshConfig === "" ? {} : { ansible_ssh_common_args: `-F ${quoted(resolvePath(droplet.sshConfig))}` };
    // The fleets of a program of the user's have an ssh_config each, and each names its own droplet so.
    const isOnly = droplets.filter(({ alias }) => alias === droplet.alias).length === 1;
    const name = isOnly ? droplet.alias : `${droplet.alias}${at}`;
    groups.get("droplets")?.push(name);
    const { connection } = droplet;
    hostvars.set(name, {
      ...(isLocal(connection) ? { ansible_connection: "local" } : { ansible_host: droplet.alias, ...ssh }),
      hornet_droplet: droplet.name,
      hornet_snapshot: droplet.snapshot,
    });
    const own = clones.filter((clone) => clone.droplet === droplet.name);
    groups.set(
      `on_${name}`,
      own.map((clone) => clone.name),
    );
    for (const clone of own) {
      groups.get("clones")?.push(clone.name);
      hostvars.set(clone.name, {
        ...{ ansible_host: clone.name, ansible_user: clone.user, ...ssh },
        hornet_address: clone.address,
        hornet_droplet: droplet.name,
        hornet_namespace: clone.namespace,
        hornet_ready: clone.ready,
        hornet_snapshot: clone.snapshot,
        hornet_ssh_host_key: clone.sshHostKey,
      });
    }
  }
  const listed = [...groups].map(([name, hosts]) => [name, { hosts }] as const);
  return { ...Object.fromEntries(listed), _meta: { hostvars: Object.fromEntries(hostvars) } };
}

/** Ansible splits the arguments like a shell. */
function quoted(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}
