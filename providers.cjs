// @ts-check
"use strict";
/**
 * The providers, by the name that each resource has in the state. The state holds one line that requires this file (see
 * components/resource.ts), so `refresh` and `destroy` run the code of today, not that of the last `up`.
 */
require("./register.cjs");

/** @type {Record<string, string>} */
const modules = {
  DropletCheck: "./providers/dropletCheck.ts",
  DropletClaim: "./providers/dropletClaim.ts",
  DropletLimits: "./providers/dropletLimits.ts",
  Bridge: "./providers/bridge.ts",
  CloneNamespace: "./providers/cloneNamespace.ts",
  ConsoleKeeper: "./providers/consoleKeeper.ts",
  MetricsCollector: "./providers/metricsCollector.ts",
  NatRuleSet: "./providers/natRuleSet.ts",
  SnapshotArtifact: "./providers/snapshotArtifact.ts",
  SnapshotProof: "./providers/snapshotProof.ts",
  FirecrackerVM: "./providers/firecrackerVM.ts",
  SmokeTest: "./providers/smokeTest.ts",
  SshConfig: "./providers/sshConfig.ts",
};

for (const [name, file] of Object.entries(modules)) {
  Object.defineProperty(exports, name, { get: () => require(file).provider });
}
