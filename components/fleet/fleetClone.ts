import * as pulumi from "@pulumi/pulumi";
import { egressOf, identityOf, limitsOf, nameserversOf, ratesOf, recoveryOf, type FleetSpec } from "../../config/spec";
import type { LeanArtifact } from "../../firecracker/manifest";
import type { ClonePlan } from "../../model/names";
import { Clone, type CloneArgs } from "../clone";
import { omitUndefined } from "../omitUndefined";
import type { CommonArgs } from "../resource";

/** One clone in a stack's outputs. */
export interface CloneSummary {
  name: string;
  id: number;
  /** Its droplet's key in `hornet:droplets`; missing in a fleet of `hornet:droplet`. */
  droplet?: string;
  address: string;
  namespace: string;
  sshHostKey: string;
  ready: boolean;
  /** How its disk was copied: `reflink` or `sparse`. */
  disk: string;
  /** How its guest got its identity: `service`, `ssh` or `cloud-init`. */
  identityMethod: string;
  /** Changes with every new identity. Use it as a trigger for follow-up resources. */
  generation: string;
}

/** The arguments that all clones of a fleet share. */
export interface FleetClones extends CommonArgs {
  readonly spec: FleetSpec;
  readonly operatorKeys: readonly string[];
  readonly artifact: pulumi.Input<LeanArtifact>;
  /** The folder of the ssh_config that the clones are in; see vmInputs. */
  readonly sshFolder: string;
  /** The droplet's name there, where a stack has several; see vmInputs. */
  readonly alias: string | undefined;
  /** Makes a resource's name from a clone's. */
  readonly named: (clone: string) => string;
}

/** Declares one clone of a fleet. */
export function fleetClone(
  plan: ClonePlan,
  { spec, operatorKeys, artifact, named, sshFolder, alias, ...common }: FleetClones,
  opts: pulumi.CustomResourceOptions,
): Clone {
  const { name, namespace, hostVeth, nsVeth, gateway, guestAddress, tap, tapMac, tapAddress } = plan;
  const identity = identityOf(spec, plan.id);
  const own = spec.clones[String(plan.id)];
  const args: CloneArgs = {
    ...common,
    ...{ namespace, hostVeth, nsVeth, gateway, guestAddress, tap, tapMac, tapAddress, artifact },
    bridge: spec.bridge.name,
    address: `${plan.address}/${plan.prefix}`,
    isolated: spec.bridge.isolateClones,
    adopt: spec.fleet.adopt,
    user: spec.guest.user,
    authorizedKeys: [...operatorKeys, ...identity.authorizedKeys.filter((key) => !operatorKeys.includes(key))],
    identity: spec.guest.identity,
    firecracker: spec.vmm.firecracker,
    jailer: spec.vmm.jailer,
    uids: { ...spec.vmm.uids },
    sshConfig: { stack: pulumi.getStack(), folder: sshFolder, ...omitUndefined({ alias }) },
    limits: omitUndefined(limitsOf(spec, plan.id)),
    rates: ratesOf(spec, plan.id),
    kernel: spec.vmm.kernel,
    readyTimeout: spec.fleet.readyTimeout,
    shutdownTimeout: spec.vmm.shutdownTimeout,
    maxUnavailable: spec.fleet.maxUnavailable,
    egress: [...egressOf(spec, plan.id)],
    services: [...spec.bridge.services],
    nameservers: [...nameserversOf(spec)],
    connections: spec.fleet.connections,
    newConnections: spec.fleet.newConnections,
    smokeTests: smokeTestsOf(spec, name, operatorKeys),
    ...omitUndefined({
      name: name === namespace ? undefined : name,
      // An empty secret takes as much space in the state as any secret.
      env: Object.keys(identity.env).length === 0 ? undefined : { ...identity.env },
      loginKeyPath: spec.guest.privateKeyPath,
      metrics: spec.vmm.metrics === undefined ? undefined : true,
      agent: spec.agent.run,
      agentService: spec.agent.service,
      publish: own?.publish.map((port) => ({ ...port })),
      recovery: recoveryOf(spec, plan.id),
      restart: own?.restart,
      renewDisk: own?.renewDisk,
    }),
  };
  return new Clone(named(name), args, opts);
}

/**
 * Builds the output for one clone.
 *
 * @param droplet its droplet's key in `hornet:droplets`
 */
export function summaryOf(
  { vm }: Clone,
  { name, id, address, namespace }: ClonePlan,
  droplet: string | undefined,
): pulumi.Output<CloneSummary> {
  const { sshHostKey, ready, disk, identityMethod, generation } = vm;
  return pulumi
    .all([sshHostKey, ready, disk, identityMethod, generation])
    .apply(([hostKey, isReady, copied, method, current]: [string | undefined, boolean, string, string, string]) => ({
      ...{ name, id, address, namespace },
      ...(droplet !== undefined && { droplet }),
      // The outputs of a clone that an `up --target` excludes are unknown.
      sshHostKey: hostKey ?? "",
      ready: isReady,
      disk: copied,
      identityMethod: method,
      generation: current,
    }));
}

/** The default test: the clone prints its name over ssh, if the operator can log in. */
function smokeTestsOf({ fleet }: FleetSpec, name: string, operatorKeys: readonly string[]): CloneArgs["smokeTests"] {
  if (fleet.smokeTests !== undefined) return fleet.smokeTests.map((test) => omitUndefined(test));
  if (operatorKeys.length === 0 || fleet.readyTimeout === 0) return [];
  return [{ on: "clone", command: "hostname", expect: name, timeout: fleet.readyTimeout }];
}
