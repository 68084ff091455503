// @ts-check
"use strict";
/**
 * The providers, by the name that each resource has in the state. The state holds one line that requires this file (see
 * components/resource.ts), so `refresh` and `destroy` run the code of today, not that of the last `up`.
 */
require("./register.cjs");

/** @type {Record<string, string>} */
const modules = {
  DropletCheck: "./providers/droplet/check.ts",
  DropletClaim: "./providers/droplet/claim.ts",
  DropletLimits: "./providers/droplet/limits.ts",
  Bridge: "./providers/network/bridge.ts",
  CloneNamespace: "./providers/network/namespace.ts",
  ConsoleKeeper: "./providers/droplet/consoles.ts",
  MetricsCollector: "./providers/droplet/metrics.ts",
  NatRuleSet: "./providers/network/nat.ts",
  SnapshotArtifact: "./providers/artifact/definition.ts",
  SnapshotProof: "./providers/artifact/proof.ts",
  FirecrackerVM: "./providers/vm/definition.ts",
  SmokeTest: "./providers/vm/smokeTest.ts",
  SshConfig: "./providers/droplet/sshConfig.ts",
};

for (const [name, file] of Object.entries(modules)) {
  Object.defineProperty(exports, name, { get: () => require(file).provider });
}
