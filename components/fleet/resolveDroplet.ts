/** Resolves the droplet of a config to a connection. */
import { existsSync, readFileSync } from "node:fs";
import type { Connection, SshConnection } from "../../model/connection";
import { expandHome } from "../../host/ssh/options";
import { recordOf, simulatedConnection } from "../../operator/simulatedDroplet";
import { ConfigFaults } from "../../config/faults";
import type { DropletSpec, FleetSpec, SshDroplet } from "../../config/spec";

/** Seconds; the schema's default. */
const DEFAULT_TIMEOUT = 60;

/** A droplet's connection, and the operator's public keys. */
export interface ResolvedDroplet {
  readonly droplet: Connection;
  /** The keys that may log in to the droplet, and so to its clones. */
  readonly operatorKeys: readonly string[];
}

/**
 * Resolves a simulated droplet to its port and keys; a rented one needs no resolution.
 *
 * @param stack the stack's name, for messages; concurrency: maximum of parallel commands there; key: of the config, for messages
 * @throws ConfigFaults if a simulated droplet has never been started
 */
export function resolveDroplet(
  spec: DropletSpec,
  {
    stack,
    concurrency = "auto",
    key = "hornet:droplet",
  }: { stack: string; concurrency?: FleetSpec["fleet"]["concurrency"]; key?: string },
): ResolvedDroplet {
  // Omits defaults, because the state repeats these inputs in every resource.
  const pace = {
    ...(spec.timeout === DEFAULT_TIMEOUT ? {} : { timeout: spec.timeout }),
    ...(concurrency === "auto" ? {} : { lanes: concurrency }),
  };
  if (spec.kind === "local") return { droplet: { local: true, ...pace }, operatorKeys: [] };
  const connection = spec.kind === "ssh" ? rented(spec) : simulated(spec.name, stack, key);
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

function simulated(name: string, stack: string, key: string): SshConnection {
  const refuse = (problem: string): ConfigFaults => {
    const example = "hornet:droplet: {simulated: local}";
    return new ConfigFaults(stack, [{ path: `${key}.simulated`, problem, example }]);
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
