/** From the droplet that a config names to the one that can be reached. */
import { existsSync, readFileSync } from "node:fs";
import type { Connection, SshConnection } from "../../model/connection";
import { expandHome } from "../../host/ssh/options";
import { recordOf, simulatedConnection } from "../../operator/simulatedDroplet";
import { ConfigFaults } from "../../config/faults";
import type { DropletSpec, FleetSpec, SshDroplet } from "../../config/spec";

/** Seconds; the schema's default. */
const DEFAULT_TIMEOUT = 60;

/** A droplet that can be reached, and the operator's own public keys. */
export interface ResolvedDroplet {
  readonly droplet: Connection;
  /** Whoever may log in to the droplet by this key may log in to its clones. */
  readonly operatorKeys: readonly string[];
}

/**
 * Resolves a simulated droplet to its port and keys; a rented one is taken as it stands.
 *
 * @param stack the stack's name, for messages; concurrency: how many commands run there at once
 * @throws ConfigFaults where a simulated droplet has never been started
 */
export function resolveDroplet(
  spec: DropletSpec,
  { stack, concurrency = "auto" }: { stack: string; concurrency?: FleetSpec["fleet"]["concurrency"] },
): ResolvedDroplet {
  // What is at its default stays out of the resources' inputs: they stand in the state of every one of them.
  const pace = {
    ...(spec.timeout === DEFAULT_TIMEOUT ? {} : { timeout: spec.timeout }),
    ...(concurrency === "auto" ? {} : { lanes: concurrency }),
  };
  if (spec.kind === "local") return { droplet: { local: true, ...pace }, operatorKeys: [] };
  const connection = spec.kind === "ssh" ? rented(spec) : simulated(spec.name, stack);
  return { droplet: { ...connection, ...pace }, operatorKeys: publicKeyBeside(connection.privateKeyPath) };
}

function rented({ host, user, port, privateKeyPath, hostKey }: SshDroplet): SshConnection {
  return {
    host,
    user,
    port,
    ...(privateKeyPath === undefined ? {} : { privateKeyPath }),
    ...(hostKey === undefined ? {} : { hostKey }),
  };
}

function simulated(name: string, stack: string): SshConnection {
  const refuse = (problem: string): ConfigFaults => {
    const example = "hornet:droplet: {simulated: local}";
    return new ConfigFaults(stack, [{ path: "hornet:droplet.simulated", problem, example }]);
  };
  let connection: SshConnection | undefined;
  try {
    connection = simulatedConnection(name);
  } catch {
    throw refuse(
      `the record of the simulated droplet ${name}, ${recordOf(name)}, is damaged: remove its folder and start it`,
    );
  }
  if (connection !== undefined) return connection;
  throw refuse(`there is no simulated droplet ${name}: start it with npm run droplet -- start ${name}`);
}

function publicKeyBeside(privateKeyPath: string | undefined): string[] {
  const file = privateKeyPath === undefined ? "" : `${expandHome(privateKeyPath)}.pub`;
  return existsSync(file) ? [readFileSync(file, "utf8").trim()] : [];
}
