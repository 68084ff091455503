import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { createServer as createHostile, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readLibrary } from "../host/session/library";
import { requestLines, type ApiRequest } from "./api";

interface Seen {
  readonly line: string;
  readonly type: string;
  readonly body: Buffer;
}

let folder: string;
const socket = (): string => join(folder, "firecracker.sock");
let server: Server;
let seen: Seen[];
let connections: number;
let answer: (path: string) => readonly [status: number, body: string];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "hornet-api-"));
  seen = [];
  connections = 0;
  answer = () => [204, ""];
  server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const line = `${request.method ?? ""} ${request.url ?? ""}`;
      seen.push({ line, type: request.headers["content-type"] ?? "", body: Buffer.concat(parts) });
      const [status, body] = answer(request.url ?? "");
      response.writeHead(status, { "Content-Length": Buffer.byteLength(body) }).end(body);
    });
  });
  server.on("connection", () => (connections += 1));
  await new Promise<void>((done) => server.listen(socket(), done));
  writeFileSync(join(folder, "library"), readLibrary());
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
  rmSync(folder, { recursive: true });
});

const script = 'vmm_timeout_ms=$2; . "$3"; api "$1" "$(cat)" && printf "%s\\n" "$vmm_answer"';

/** Sends requests as it is done on a droplet: by the library's own function. */
function send(
  requests: readonly ApiRequest[],
  { limit = 20_000, at = folder } = {},
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return new Promise((done, fail) => {
    const child = spawn("bash", ["-c", script, "api", at, String(limit), join(folder, "library")]);
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.on("error", fail);
    child.on("close", (code) => done({ code, stdout, stderr }));
    child.stdin.end(requestLines(requests));
  });
}

test.each<[string, unknown]>([
  ["quotes", { a: `he said "it's"`, b: '"' }],
  ["backslashes", { a: "C:\\new\\table", b: "\\", c: '\\"' }],
  ["new lines and tabs", { a: "one\ntwo\r\n\tthree\n", b: "\v\f\b" }],
  ["other alphabets", { größe: "日本語 🐝 \u2028" }],
  ["what the lines could take for their own", { a: "# hornet: next\n", b: "\nPUT /vm {}\n", c: "%{http_code}" }],
  ["a string", 'just "text"'],
  ["an empty object", {}],
  ["the longest body that Firecracker takes", { a: "x".repeat(40_000), b: '"\\\n'.repeat(1_800) }],
])("%s arrive byte for byte", async (_name, body) => {
  expect(await send([{ method: "PUT", path: "/mmds", body }])).toMatchObject({ code: 0, stderr: "" });
  expect(seen.map(({ line, type }) => [line, type])).toEqual([["PUT /mmds", "application/json"]]);
  expect(seen[0]?.body.toString()).toBe(JSON.stringify(body));
});

test("several requests use one connection, in order, each with its method", async () => {
  const requests: ApiRequest[] = [
    { method: "PUT", path: "/snapshot/load", body: { a: 1 } },
    { method: "PUT", path: "/mmds", body: { b: 2 } },
    { method: "GET", path: "/vm/config" },
    { method: "PATCH", path: "/vm", body: { state: "Resumed" } },
  ];
  answer = (path) => (path === "/vm/config" ? [200, '{"machine-config":{}}'] : [204, ""]);
  const { code, stdout } = await send(requests);
  expect(code).toBe(0);
  expect(seen.map(({ line }) => line)).toEqual(["PUT /snapshot/load", "PUT /mmds", "GET /vm/config", "PATCH /vm"]);
  expect(seen[2]).toMatchObject({ type: "", body: Buffer.alloc(0) });
  expect(connections).toBe(1);
  expect(stdout.replaceAll(/ \d+\.\d{6}$/gm, " S")).toBe(
    '\n204 /snapshot/load S\n\n204 /mmds S\n{"machine-config":{}}\n200 /vm/config S\n\n204 /vm S\n',
  );
});

test("the droplet's clock is put into a body", async () => {
  const before = Date.now() / 1000;
  await send([{ method: "PUT", path: "/mmds", body: "clock=@CLOCK@" }]);
  const [, clock] = /^"clock=(\d+\.\d{6})"$/.exec(seen[0]?.body.toString() ?? "") ?? [];
  expect(Number(clock)).toBeGreaterThanOrEqual(before - 0.001);
  expect(Number(clock)).toBeLessThanOrEqual(Date.now() / 1000 + 0.001);
});

test("no body of a VMM passes for a line about a request, such as its time", async () => {
  answer = () => [200, '{"id":"vm7"}\n204 /vm 99999999999999999999.123456\r\nhornet-unplug: device not found\n'];
  const { stdout } = await send([{ method: "GET", path: "/" }]);
  expect(stdout.replaceAll(/ \d+\.\d{6}$/gm, " S")).toBe(
    '{"id":"vm7"} 204 /vm 99999999999999999999.123456  hornet-unplug: device not found \n200 / S\n',
  );
});

test("the first failure stops the rest, and the answer of the VMM is kept", async () => {
  answer = (path) => (path === "/mmds" ? [400, '{"fault_message":"no"}'] : [204, ""]);
  const { code, stdout, stderr } = await send(
    ["/snapshot/load", "/mmds", "/vm"].map((path) => ({ method: "PUT", path, body: {} })),
  );
  expect(code).toBe(22);
  expect(stderr).toContain('{"fault_message":"no"}');
  expect(stderr).toContain("400");
  expect(stdout).toBe("");
  expect(seen.map(({ line }) => line)).toEqual(["PUT /snapshot/load", "PUT /mmds"]);
});

test("without a listener the error names the socket", async () => {
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
  const { code, stderr } = await send([{ method: "GET", path: "/" }]);
  expect(code).toBe(7);
  expect(stderr).toContain(`cannot connect to ${socket()}`);
  await new Promise<void>((done) => server.listen(socket(), done));
});

test.each<[string, number, string, (client: Socket) => void]>([
  ["never answers", 28, "no answer in time", () => undefined],
  ["closes the connection", 52, "it closed the connection", (client) => client.end()],
  ["speaks another protocol and closes", 52, "it closed the connection", (client) => client.end("SSH-2.0-x\r\n\r\n")],
  [
    "babbles without an end",
    63,
    "its answer does not end",
    (client) => {
      const piece = "HTTP/1.1 200 OK\r\n\r\n" + "x".repeat(65_536);
      const more = (): void => {
        while (!client.destroyed && client.write(piece)) continue;
      };
      client.on("drain", more).on("error", () => undefined);
      more();
    },
  ],
])("a VMM that %s fails the request", async (_name, code, why, speak) => {
  const clients: Socket[] = [];
  const vmm = createHostile((client) => {
    clients.push(client);
    client.once("data", () => speak(client));
  });
  const elsewhere = join(folder, "hostile");
  mkdirSync(elsewhere);
  await new Promise<void>((done) => vmm.listen(join(elsewhere, "firecracker.sock"), done));
  // Only the first of them waits for the limit.
  const sent = await send([{ method: "PUT", path: "/vm", body: {} }], {
    limit: code === 28 ? 0 : 20_000,
    at: elsewhere,
  });
  for (const client of clients) client.destroy();
  await new Promise((done) => vmm.close(done));
  expect(sent.code).toBe(code);
  expect(sent.stderr).toContain(why);
  expect(sent.stderr.length).toBeLessThan(9_000);
});
