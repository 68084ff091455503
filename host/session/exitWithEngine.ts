import { connect } from "node:net";

const EVERY_MS = 2000;

/**
 * Ends this process once the engine is gone that runs it as a provider. Pulumi ends its providers itself, but one that is
 * killed leaves them behind: they would go on with what they were at, and hold the droplet's lock for ever.
 *
 * Pulumi hands the engine's address to a provider as its last argument; while nobody listens there, nobody waits for what
 * the provider does. Does nothing in any other process. An Operation calls it, and a process has one.
 */
export function endWithEngine(argv: readonly string[] = process.argv): void {
  const [, script = "", address = ""] = argv;
  const [, host, port] = /^(127\.0\.0\.1|\[?::1\]?|localhost):(\d+)$/.exec(address) ?? [];
  if (!script.includes("dynamic-provider") || host === undefined || port === undefined) return;
  setInterval(() => {
    const socket = connect({ host: host.replaceAll(/[[\]]/g, ""), port: Number(port) });
    socket.unref();
    socket.once("connect", () => socket.destroy());
    socket.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ECONNREFUSED") process.exit(1);
    });
  }, EVERY_MS).unref();
}
