import { bridgeDrifts } from "./bridge";
import { fileDrifts } from "./files";
import type { Drift } from "./kind";
import { metricsDrifts } from "./metrics";
import { namespaceDrifts } from "./namespace";
import { ruleDrifts } from "./rules";
import { vmDrifts } from "./vm";

const dropletDrifts: readonly Drift[] = [
  {
    kind: "droplet rebooted",
    make: "reboot",
    says: { "Bridge br0": "bridge br0 missing; …", "Clone vm0": "namespace vm0 missing; VMM of vm0 …" },
    restarts: true,
    everyClone: true,
  },
  {
    kind: "runtime folder deleted",
    make: "rm -r /opt/swarm/runtime",
    says: {
      "Bridge br0": "the folder of br0 lost its owner mark",
      "Clone vm1": "the folder of vm1 lost its owner mark; …",
      "Clone vm0":
        "the folder of vm0 lost its owner mark; the launch record of vm0 is missing; private disk missing; …",
    },
    restarts: true,
    everyClone: true,
    losesDisk: true,
  },
];

/** Every kind of drift that Hornet detects and mends. */
export const drifts: readonly Drift[] = [
  ...bridgeDrifts,
  ...namespaceDrifts,
  ...ruleDrifts,
  ...vmDrifts,
  ...metricsDrifts,
  ...fileDrifts,
  ...dropletDrifts,
];
