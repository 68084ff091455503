import { connect } from "node:net";

const EVERY_MS = 2000;

/** Where the engine of this provider process listens; undefined in any other process. */
export function engineAddress(argv: readonly string[] = process.argv): { host: string; port: string } | undefined {
  const [, script = "", address = ""] = argv;
  const [, host, port] = /^(127\.0\.0\.1|\[?::1\]?|localhost):(\d+)$/.exec(address) ?? [];
  return script.includes("dynamic-provider") && host !== undefined && port !== undefined ? { host, port } : undefined;
}

/**
 * Ends this provider process once its engine is gone. Pulumi ends its providers, but a killed engine leaves them behind: they
 * would continue their work and hold the droplet's lock for ever.
 *
 * Pulumi passes the engine's address to a provider as its last argument; if nobody listens there, the engine is gone. Does
 * nothing in any other process. Each process has one Operation, which calls this.
 */
export function exitWithEngine(argv: readonly string[] = process.argv): void {
  const engine = engineAddress(argv);
  if (engine === undefined) return;
  const { host, port } = engine;
  setInterval(() => {
    const socket = connect({ host: host.replaceAll(/[[\]]/g, ""), port: Number(port) });
    socket.unref();
    socket.once("connect", () => socket.destroy());
    socket.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ECONNREFUSED") process.exit(1);
    });
  }, EVERY_MS).unref();
}
