import { isLocal, type Connection } from "../../model/connection";

/**
 * Whether the operator says that a droplet is gone for good, with all that was on it: a rented server that was given back.
 * Nobody can be asked there to take anything away, so what the state knows of it counts as gone. HORNET_GONE names such
 * droplets as the state does, `HOST` or `HOST:PORT`, with a comma between; an IPv6 address with a port stands in brackets.
 */
export function isDecommissioned(droplet: Connection, named: string = process.env.HORNET_GONE ?? ""): boolean {
  if (isLocal(droplet)) return false;
  const { host, port } = droplet;
  const names = [host, `${host}:${port}`, `[${host}]:${port}`];
  return named.split(",").some((name) => names.includes(name.trim()));
}
