/** What a program composes: the resources, the components that put them together, and a fleet's config. */
export { loadConfig, resolveDroplet, type FleetSpec } from "../config";
export { Bridge, type BridgeArgs } from "./bridge";
export { Clone, type CloneArgs } from "./clone";
export { CloneFleet, type CloneFleetArgs } from "./fleet/cloneFleet";
export { CloneNamespace, type CloneNamespaceArgs } from "./cloneNamespace";
export { ConsoleKeeper, type ConsoleKeeperArgs } from "./consoleKeeper";
export { DropletCheck, type DropletCheckArgs, type DropletNeeds } from "./dropletCheck";
export { DropletClaim, type DropletClaimArgs } from "./dropletClaim";
export { DropletLimits, type DropletLimitsArgs } from "./dropletLimits";
export { FirecrackerVM, type FirecrackerVMArgs } from "./firecrackerVM";
export { type CloneSummary } from "./fleet/fleetClone";
export { MetricsCollector, type MetricsCollectorArgs } from "./metricsCollector";
export { NatRuleSet, type NatRuleSetArgs } from "./natRuleSet";
export { SnapshotArtifact, type SnapshotArtifactArgs } from "./snapshotArtifact";
export { SnapshotProof, type SnapshotProofArgs } from "./snapshotProof";
export { type SnapshotSummary } from "./fleet/snapshotSource";
export { SmokeTest, type SmokeTestResourceArgs } from "./smokeTest";
export { SshConfig, type SshConfigArgs } from "./sshConfig";
