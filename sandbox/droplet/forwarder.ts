import { spawn } from "node:child_process";
import { createServer, type Server } from "node:net";
import { enterArguments } from "./enter";
import type { ProcessId } from "./state";

/**
 * Listens on the machine's loopback and passes every connection to an `sshd -i` inside the droplet. The accepted socket
 * becomes sshd's stdin and stdout, so no byte passes through this process.
 * @param port 0 for any free one
 * @returns the listening server
 * @throws where the port is taken
 */
export function forwardSsh(port: number, init: ProcessId): Promise<Server> {
  const server = createServer({ pauseOnConnect: true, noDelay: true }, (socket) => {
    socket.on("error", () => undefined);
    const sshd = spawn("nsenter", [...enterArguments(init), "/usr/sbin/sshd", "-i", "-e"], {
      stdio: [socket, socket, "inherit"],
      env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
    });
    sshd.on("error", (error) => console.error(`nsenter could not be started: ${error.message}`));
    // The child has its own copy of the descriptor; closing ours does not end the connection.
    socket.destroy();
  });
  return new Promise((done, fail) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      fail(
        error.code === "EADDRINUSE"
          ? new Error(
              `port ${port} of 127.0.0.1 is taken; choose another with --port, or end the process that listens there.`,
            )
          : error,
      );
    });
    server.listen(port, "127.0.0.1", () => done(server));
  });
}
