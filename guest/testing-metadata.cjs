// A stand-in for Firecracker's metadata service, for the tests of this folder: it serves a token, then the current content of
// the file on the command line as the identity document. It closes the connection after a token if FILE.closing exists.
const { createServer } = require("node:http");
const { randomBytes } = require("node:crypto");
const { existsSync, readFileSync } = require("node:fs");

const file = process.argv[2];
const tokens = new Set();

createServer((request, response) => {
  if (existsSync(`${file}.closing`)) response.shouldKeepAlive = false;
  if (request.method === "PUT" && request.url === "/latest/api/token") {
    if (!request.headers["x-metadata-token-ttl-seconds"]) return response.writeHead(400).end();
    const token = randomBytes(42).toString("base64");
    tokens.add(token);
    return response.writeHead(200, { "Content-Length": token.length }).end(token);
  }
  if (!tokens.has(request.headers["x-metadata-token"])) return response.writeHead(401, { "Content-Length": 0 }).end();
  if (request.url !== "/hornet/identity" || !existsSync(file)) {
    return response.writeHead(404, { "Content-Length": 9 }).end("not found");
  }
  const body = readFileSync(file);
  return response.writeHead(200, { "Content-Type": "text/plain", "Content-Length": body.length }).end(body);
}).listen(80, "169.254.169.254");
