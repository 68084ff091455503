import { vethMacs } from "../../model/macs";
import { planNamespace } from "../../plan/network/namespace";
import { natTable } from "../../plan/network/nat";
import { renderTable } from "../../plan/network/nft";
import type { Observed } from "../../model/observed";
import { addressOf, GUEST, OWNER, TAP } from "./fleet";

const NOTHING: Observed = {
  links: [],
  forwarding: false,
  tables: [],
  namespaces: [],
  claims: [],
  bridges: {},
  inside: {},
  vms: {},
};

/** The input of floor.sh: the lines that Hornet plans for new clones, each text ended by NUL. */
export function kernelTexts(count: number): string {
  const clones = Array.from({ length: count }, (_, id) => {
    const namespace = `vm${id}`;
    const address = `${addressOf(id)}/24`;
    const macs = vethMacs(address);
    const { host, inside } = planNamespace(
      {
        namespace,
        bridge: "br0",
        hostVeth: `veth${id}h`,
        hostMac: macs.host,
        nsVeth: "veth0",
        nsMac: macs.inside,
        address,
        gateway: "10.0.0.1",
        isolated: true,
        tap: "tap0",
        ...TAP,
        owner: OWNER,
      },
      NOTHING,
    );
    const nat = { address: addressOf(id), guestAddress: GUEST, nsVeth: "veth0", tap: "tap0" };
    const policy = {
      publish: [],
      egress: ["internet"],
      services: [],
      isolated: true,
      nameservers: [],
      bridgeAddress: "10.0.0.1/24",
    };
    const rules = renderTable(natTable({ ...nat, ...policy, connections: 4096, newConnections: 1000, owner: OWNER }));
    return [namespace, [`netns add ${namespace}`, ...host].join("\n"), inside.join("\n"), rules];
  });
  return ["10.0.0.1/24", ...clones.flat()].map((text) => `${text}\0`).join("");
}
