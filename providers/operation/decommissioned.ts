import { isLocal, type Connection } from "../../model/connection";

/**
 * Whether the operator declares that a droplet no longer exists, such as a rented server that was given back. Hornet then treats
 * everything that the state has there as gone. HORNET_GONE names such droplets as in the state, `HOST` or `HOST:PORT`,
 * separated by commas; an IPv6 address with a port is in brackets.
 */
export function isDecommissioned(droplet: Connection, named: string = process.env.HORNET_GONE ?? ""): boolean {
  if (isLocal(droplet)) return false;
  const { host, port } = droplet;
  const names = [host, `${host}:${port}`, `[${host}]:${port}`];
  return named.split(",").some((name) => names.includes(name.trim()));
}
