import { inventoryOf } from "./inventory";
import type { FleetState } from "./state";

const state: FleetState = {
  resources: [],
  droplets: [
    {
      name: "root@203.0.113.10:22",
      alias: "droplet",
      connection: { host: "203.0.113.10", user: "root", port: 22 },
      ...{ owners: [], snapshot: "sha256:aa", generations: [], sshConfig: ".hornet/dev/ssh_config" },
    },
  ],
  clones: [
    {
      ...{ name: "vm0", namespace: "vm0", droplet: "root@203.0.113.10:22", address: "10.0.0.2", user: "agent" },
      ...{ sshHostKey: "ssh-ed25519 AAAA", ready: true, condition: "as declared", identityMethod: "service" },
      ...{ generation: "g", snapshot: "sha256:aa", vmm: "", timings: {}, urn: "urn" },
    },
  ],
};

test("an inventory has groups, and the way to every host", () => {
  expect(inventoryOf(state, (file) => `/home/o'neill/${file}`)).toEqual({
    clones: { hosts: ["vm0"] },
    droplets: { hosts: ["droplet"] },
    on_droplet: { hosts: ["vm0"] },
    _meta: {
      hostvars: {
        droplet: {
          ansible_host: "droplet",
          ansible_ssh_common_args: "-F '/home/o'\\''neill/.hornet/dev/ssh_config'",
          hornet_droplet: "root@203.0.113.10:22",
          hornet_snapshot: "sha256:aa",
        },
        vm0: {
          ansible_host: "vm0",
          ansible_user: "agent",
          ansible_ssh_common_args: "-F '/home/o'\\''neill/.hornet/dev/ssh_config'",
          hornet_address: "10.0.0.2",
          hornet_droplet: "root@203.0.113.10:22",
          hornet_namespace: "vm0",
          hornet_ready: true,
          hornet_snapshot: "sha256:aa",
          hornet_ssh_host_key: "ssh-ed25519 AAAA",
        },
      },
    },
  });
});

test("the droplets of a stack with several have the names of the config, and a group each", () => {
  const [first] = state.droplets;
  const [clone] = state.clones;
  if (first === undefined || clone === undefined) throw new Error("no fleet");
  const droplets = ["east", "west"].map((alias) => ({ ...first, alias, name: `root@${alias}:22` }));
  const clones = droplets.map(({ name }, at) => ({ ...clone, name: `vm${at}`, droplet: name }));
  expect(inventoryOf({ ...state, droplets, clones }, (file) => file)).toMatchObject({
    clones: { hosts: ["vm0", "vm1"] },
    droplets: { hosts: ["east", "west"] },
    on_east: { hosts: ["vm0"] },
    on_west: { hosts: ["vm1"] },
    _meta: { hostvars: { west: { ansible_host: "west" } } },
  });
});
