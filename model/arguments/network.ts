/** The arguments that declare a fleet's network. A field's comment reaches the editor of whoever writes a program. */
import { z } from "zod";
import { defaults } from "../defaults";
import {
  egressText,
  interfaceAddress,
  interfaceName,
  ipv4,
  mac,
  MOST_RULES,
  namespaceName,
  port,
  servicePort,
  wholeNumber,
} from "../values";

/** The bridge that joins the clones. */
export const bridgeArguments = {
  /**
   * The bridge's name, at most 15 characters.
   * @default br0
   */
  name: interfaceName.default(defaults.bridge),
  /**
   * Its own address with the prefix of the clones' network.
   * @default 10.0.0.1/24
   */
  address: interfaceAddress.default(defaults.bridgeAddress),
  /**
   * The interface whose outgoing traffic is masqueraded; `auto` is any but the bridge itself.
   * @default auto
   */
  uplink: interfaceName.default(defaults.uplink),
  /**
   * Clones reach no other address of the droplet than the bridge's own.
   * @default true
   */
  closed: z.boolean().default(true),
  /**
   * Ports of the droplet's own addresses that lead to clones.
   * @default []
   */
  forwards: z
    .array(z.strictObject({ port, protocol: z.enum(["tcp", "udp"]).default("tcp"), address: ipv4 }))
    .max(MOST_RULES)
    .default([]),
};

/** What the guests of a snapshot see of the network: it is baked into the snapshot, so it is the same in each. */
export const guestArguments = {
  /**
   * The address that every guest of the snapshot has.
   * @default 192.168.241.2
   */
  guestAddress: ipv4.default(defaults.guestAddress),
  /**
   * The tap that the guest's network card is connected to.
   * @default tap0
   */
  tap: interfaceName.default(defaults.tap),
  /**
   * The tap's address with prefix: the guest's gateway.
   * @default 192.168.241.1/29
   */
  tapAddress: interfaceAddress.default(defaults.tapAddress),
  /**
   * The tap's MAC address, the same for all clones of a snapshot: it is in the guest's ARP cache.
   * @default 02:fc:00:00:00:01
   */
  tapMac: mac.default(defaults.tapMac),
  /**
   * The guest's own MAC address, for a snapshot made by a boot.
   * @default 02:fc:00:00:00:02
   */
  guestMac: mac.default(defaults.guestMac),
};

/** A clone's network namespace. */
export const namespaceArguments = {
  /** The network namespace's name; letters, digits and hyphens. */
  namespace: namespaceName,
  /** The bridge that the clone's veth is a port of. */
  bridge: interfaceName,
  /** The name of the veth's end on the droplet, at most 15 characters: `veth7h`. */
  hostVeth: interfaceName,
  /**
   * The name of its end in the namespace.
   * @default veth0
   */
  nsVeth: interfaceName.default(defaults.nsVeth),
  /** The clone's own address with the bridge network's prefix: `10.0.0.9/24`. */
  address: interfaceAddress,
  /** The clone's default route: the bridge's address. */
  gateway: ipv4,
  /**
   * Isolated clones reach the droplet, but not each other.
   * @default true
   */
  isolated: z.boolean().default(true),
  /**
   * Adopt a namespace and a link of these names that carry no owner label of Hornet. They belong to the stack then: destroy
   * removes them.
   * @default false
   */
  adopt: z.boolean().default(false),
};

const publishedPort = z.strictObject({
  port: port.meta({ description: "Port on the clone's address.", example: 80 }),
  guestPort: port.optional().meta({ description: "Port in the guest; left out, the same.", example: 8080 }),
  protocol: z.enum(["tcp", "udp"]).default("tcp").meta({ description: "Protocol.", example: "tcp" }),
  on: z.enum(["clone", "uplink"]).default("clone").meta({
    description: "Where it is published: on the clone's address, or on the droplet's own addresses as well.",
    example: "uplink",
  }),
});

/** What a guest may open connections to. */
export const egressList = z
  .array(egressText)
  .max(MOST_RULES)
  .superRefine((entries, context) => {
    for (const alone of ["none", "everything"]) {
      if (entries.includes(alone) && entries.length > 1) {
        context.addIssue({ code: "custom", path: [entries.indexOf(alone)], message: "must be the only entry" });
      }
    }
  });

/** Ports of the droplet that guests reach at the bridge's address. */
export const serviceList = z.array(servicePort).max(MOST_RULES);

/** Name servers in the resolv.conf of the guests' image. */
export const nameservers = z.array(ipv4).max(64).default([]);

/** Connections that a guest may have open at once. */
export const connections = wholeNumber(16, 1_000_000).default(4096);
/** Connections that a guest may open per second. */
export const newConnections = wholeNumber(1, 100_000).default(1000);

/** A clone's packet rules. */
export const natArguments = {
  /**
   * Ports of the clone's address that lead to other ports of the guest; all others lead to the same port.
   * @default []
   */
  publish: z
    .array(publishedPort)
    .max(MOST_RULES)
    .superRefine((ports, context) => {
      const published = new Set<string>();
      for (const [at, { port: number, protocol }] of ports.entries()) {
        const name = `${number}/${protocol}`;
        if (published.has(name)) {
          context.addIssue({
            code: "custom",
            path: [at],
            message: "must publish a port that no other entry publishes",
          });
        }
        published.add(name);
      }
    })
    .default([]),
  /**
   * What the guest may open connections to: `internet`, `none`, `everything`, networks, ports.
   * @default ["internet"]
   */
  egress: egressList.default(["internet"]),
  /** The bridge's own address with prefix. Left out, the rules know neither the droplet nor other clones. */
  bridgeAddress: interfaceAddress.optional(),
  /**
   * Ports of the droplet that the guest reaches: `8080/tcp`.
   * @default []
   */
  services: serviceList.default([]),
  isolated: namespaceArguments.isolated,
  /**
   * The name servers that the guest's image may name. Where its egress names hosts, the droplet's name server answers in their
   * place.
   * @default []
   */
  nameservers,
  /**
   * Connections that the guest may have open at once.
   * @default 4096
   */
  connections,
  /**
   * Connections that the guest may open per second.
   * @default 1000
   */
  newConnections,
};
