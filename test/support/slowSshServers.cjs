/**
 * ssh servers of guests that answer badly: ADDRESS=KIND… on port 22, KIND one of `ssh` (an OpenSSH server), `slow` (the same
 * after SLOW_MS without a banner, one connection after another), `endless` (lines without an end) and `half` (a banner and no
 * more). Says ready on stdout, "ADDRESS connected" for each connection, and "ADDRESS served" where a slow one answers.
 */
const { spawn } = require("node:child_process");
const { createServer } = require("node:net");
const { setTimeout: sleep } = require("node:timers/promises");

const hostKey = process.env.HOST_KEY;
const slowMs = Number(process.env.SLOW_MS ?? 10000);

function serve(socket) {
  const options = ["UsePAM=no", "AuthorizedKeysFile=none", "PidFile=none"].flatMap((option) => ["-o", option]);
  spawn("/usr/sbin/sshd", ["-i", "-f", "/dev/null", "-h", hostKey, ...options], { stdio: [socket, socket, "ignore"] });
  socket.destroy();
}

let turn = Promise.resolve();
const kinds = {
  ssh: serve,
  slow: (socket, address) => {
    socket.pause();
    turn = turn
      .then(() => sleep(slowMs))
      .then(() => {
        process.stdout.write(`${address} served\n`);
        serve(socket);
      });
  },
  endless: (socket) => {
    const more = () => {
      while (!socket.destroyed && socket.write("x".repeat(100) + "\n"));
    };
    socket.on("drain", more);
    more();
  },
  half: (socket) => socket.write("SSH-2.0-half\r\n"),
};

const servers = process.argv.slice(2).map((word) => {
  const [address, kind] = word.split("=");
  return new Promise((listening) => {
    const server = createServer({ pauseOnConnect: kind !== "half" }, (socket) => {
      socket.on("error", () => undefined);
      process.stdout.write(`${address} connected\n`);
      kinds[kind](socket, address);
    });
    server.listen(22, address, listening);
  });
});
void Promise.all(servers).then(() => process.stdout.write("ready\n"));
