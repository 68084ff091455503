import { isLocal, type Connection } from "../../model/connection";

/** The ways that the program names in this operation, by the droplets that they lead to. */
const ways = new Map<string, Connection>();

/** Which droplet a connection leads to: another key file or another user leads to the same one. */
export function whichDroplet(connection: Connection): string {
  return isLocal(connection) ? "local" : `${connection.host}:${connection.port}`;
}

/** The program names this way to a droplet. */
export function noteWay(connection: Connection): void {
  ways.set(whichDroplet(connection), connection);
}

/**
 * What the state holds of a resource, with the way to its droplet that the program names now: the one in the state may lead
 * nowhere any more, and what is to be taken away is in no program that could say another.
 */
export function byWayNow<State extends { readonly droplet: Connection }>(state: State): State {
  return { ...state, droplet: ways.get(whichDroplet(state.droplet)) ?? state.droplet };
}
