/** One request to a VMM's API. */
export interface ApiRequest {
  readonly method: "GET" | "PUT" | "PATCH";
  readonly path: string;
  readonly body?: unknown;
}

/** The droplet's library replaces this with the path of the VMM's socket. */
export const SOCKET_MARK = "@SOCKET@";

/** The droplet's library replaces this with the limit of one request, in seconds. */
export const SECONDS_MARK = "@SECONDS@";

/**
 * Requests as one curl configuration: one process and one connection send them all, and the first that fails ends the
 * run (a curl for each costs 12–24 ms of start alone). The text goes to curl's stdin, because bodies hold secrets.
 *
 * Answers come on stdout, each before a line `STATUS PATH SECONDS`: how long that request took.
 */
export function curlConfig(requests: readonly ApiRequest[]): string {
  return requests
    .map(({ method, path, body }) =>
      [
        // curl forgets its options between two requests, but for a few global ones.
        `silent\nshow-error\nfail-with-body\nunix-socket = "${SOCKET_MARK}"\nmax-time = ${SECONDS_MARK}`,
        `url = ${configQuote(`http://localhost${path}`)}`,
        `request = "${method}"`,
        ...(body === undefined
          ? []
          : [`header = "Content-Type: application/json"`, `data-binary = ${configQuote(JSON.stringify(body))}`]),
        `write-out = "\\n%{http_code} ${path} %{time_total}\\n"`,
      ].join("\n"),
    )
    .join("\nnext\n")
    .concat("\n");
}

/** A word in a curl config file, where a backslash escapes (curl(1), --config). */
function configQuote(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
}
