import { bridgeDrifts } from "./bridge";
import { fileDrifts } from "./files";
import { jailDrifts } from "./jail";
import type { Drift } from "./kind";
import { limitDrifts } from "./limits";
import { metricsDrifts } from "./metrics";
import { namesDrifts } from "./names";
import { namespaceDrifts } from "./namespace";
import { ruleDrifts } from "./rules";
import { vmDrifts } from "./vm";
import { LIMIT } from "../chaos/stage";

/** The limit's name, as sysctl(8) has it. */
const limit = LIMIT.replace("/", ".");

const dropletDrifts: readonly Drift[] = [
  {
    kind: "droplet rebooted",
    make: "reboot",
    says: {
      "DropletLimits limits": `${limit} is 100, raised to 512 before`,
      "Bridge br0": "bridge br0 missing; …",
      "CloneNamespace vm0": "namespace vm0 missing",
      "NatRuleSet vm0": "gone",
      "FirecrackerVM vm0": "VMM of vm0 …",
      "NameServer names": "the guests' name server does not run; nft table hornet_…",
    },
    restarts: true,
    everyClone: true,
  },
  {
    kind: "runtime folder deleted",
    make: "rm -r /opt/swarm/runtime",
    says: {
      "DropletLimits limits": "the record of the raised limits is missing",
      "Bridge br0": "the folder of br0 lost its owner label",
      "CloneNamespace vm1": "the folder of vm1 lost its owner label",
      "NameServer names": "the guests' name server does not run",
      "CloneNamespace vm0": "the folder of vm0 lost its owner label",
      "FirecrackerVM vm0": "the launch record of vm0 is missing; private disk missing; …",
    },
    restarts: true,
    everyClone: true,
    losesDisk: true,
  },
  {
    kind: "limit of the kernel lowered",
    make: `echo 100 >/proc/sys/${LIMIT}`,
    says: { "DropletLimits limits": `${limit} is 100, raised to 512 before` },
    check: `[[ $(</proc/sys/${LIMIT}) == 512 ]]`,
  },
  {
    kind: "record of the raised limits deleted",
    make: "rm -r /opt/swarm/runtime/.limits-*",
    says: { "DropletLimits limits": "the record of the raised limits is missing" },
    check: `[[ $(cat /opt/swarm/runtime/.limits-*/raised) == "${limit} 100 512" ]]`,
  },
];

/** Every kind of drift that Hornet detects and repairs. */
export const drifts: readonly Drift[] = [
  ...bridgeDrifts,
  ...namespaceDrifts,
  ...ruleDrifts,
  ...vmDrifts,
  ...jailDrifts,
  ...limitDrifts,
  ...metricsDrifts,
  ...namesDrifts,
  ...fileDrifts,
  ...dropletDrifts,
];
