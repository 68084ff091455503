// The agents' service: appends a line of JSON for every request to a file, and answers with the agent's id.
//   node agentServerMain.cjs ADDRESS PORT FILE
const { createServer } = require("node:http");
const { appendFileSync } = require("node:fs");

const [address, port, file] = process.argv.slice(2);
createServer((request, response) => {
  const id = request.headers["x-agent-id"] ?? "";
  const key = (request.headers.authorization ?? "").replace(/^Bearer ?/, "");
  appendFileSync(file, `${JSON.stringify({ at: Date.now(), from: request.socket.remoteAddress, id, key })}\n`);
  response.end(`${id}\n`);
}).listen(Number(port), address);
