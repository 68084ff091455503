import type { dynamic } from "@pulumi/pulumi";
import { definition as artifact } from "./artifact/definition";
import { definition as proof } from "./artifact/proof";
import { definition as check } from "./droplet/check";
import { definition as claim } from "./droplet/claim";
import { definition as consoles } from "./droplet/consoles";
import { definition as hardening } from "./droplet/hardening";
import { definition as limits } from "./droplet/limits";
import { definition as metrics } from "./droplet/metrics";
import { definition as recovery } from "./droplet/recovery";
import { definition as sshConfig } from "./droplet/sshConfig";
import { makeProvider } from "./kit/define";
import { definition as bridge } from "./network/bridge";
import { definition as namespace } from "./network/namespace";
import { definition as names } from "./network/names";
import { definition as nat } from "./network/nat";
import type { Operation } from "./operation/operation";
import { definition as vm } from "./vm/definition";
import { definition as smokeTest } from "./vm/smokeTest";

/** The kinds of resource, as a resource's state names them (see components/resource.ts). */
export type Kind =
  | "DropletCheck"
  | "DropletClaim"
  | "DropletHardening"
  | "DropletLimits"
  | "Bridge"
  | "CloneNamespace"
  | "NameServer"
  | "NatRuleSet"
  | "ConsoleKeeper"
  | "MetricsCollector"
  | "RecoveryKeeper"
  | "SnapshotArtifact"
  | "SnapshotProof"
  | "FirecrackerVM"
  | "SmokeTest"
  | "SshConfig";

/** The provider of every kind of resource, for one operation. */
export function providersOf(operation: Operation): Record<Kind, dynamic.ResourceProvider> {
  return {
    DropletCheck: makeProvider(check, operation),
    DropletClaim: makeProvider(claim, operation),
    DropletHardening: makeProvider(hardening, operation),
    DropletLimits: makeProvider(limits, operation),
    Bridge: makeProvider(bridge, operation),
    CloneNamespace: makeProvider(namespace, operation),
    NameServer: makeProvider(names, operation),
    NatRuleSet: makeProvider(nat, operation),
    ConsoleKeeper: makeProvider(consoles, operation),
    MetricsCollector: makeProvider(metrics, operation),
    RecoveryKeeper: makeProvider(recovery, operation),
    SnapshotArtifact: makeProvider(artifact, operation),
    SnapshotProof: makeProvider(proof, operation),
    FirecrackerVM: makeProvider(vm, operation),
    SmokeTest: makeProvider(smokeTest, operation),
    SshConfig: makeProvider(sshConfig, operation),
  };
}
