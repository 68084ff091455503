/** One request to a VMM's API. */
export interface ApiRequest {
  readonly method: "GET" | "PUT" | "PATCH";
  readonly path: string;
  readonly body?: unknown;
}

/**
 * Requests as lines `METHOD PATH BODY`: one process and one connection send them all, and the first that fails ends the run. The text
 * goes to the stdin of a call, because bodies hold secrets.
 *
 * Each answer comes before a line `STATUS PATH SECONDS`: how long that request took. See droplet/vm/api.pl.
 */
export function requestLines(requests: readonly ApiRequest[]): string {
  return requests
    .map(
      ({ method, path, body }) =>
        `${[method, path, ...(body === undefined ? [] : [JSON.stringify(body)])].join(" ")}\n`,
    )
    .join("");
}
