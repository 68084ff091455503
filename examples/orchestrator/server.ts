/**
 * The orchestrator's HTTP service:
 *
 *     POST /fleet   {"count": 3, "env": {"API_KEY": "…"}}   202, the operation; null removes a variable
 *     GET  /fleet                                           the operations: running, queued, last
 *     GET  /clones                                          name, droplet, address, host key, readiness of each clone
 *     GET  /events                                          server-sent events; Last-Event-ID continues
 *
 * Every request needs `Authorization: Bearer TOKEN`.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { z } from "zod";
import { sentEvent, type Feed } from "./feed";
import { isAuthorized } from "./token";
import type { Worker } from "./worker";

/** Bytes of a request's body. */
const BODY_LIMIT = 64 << 10;
/** ms between two signs of life on a stream. */
const HEARTBEAT_MS = 15_000;
const MOST_CONNECTIONS = 100;

const wishSchema = z
  .strictObject({
    count: z.int().min(0).max(10_000).optional(),
    env: z
      .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/), z.string().max(16_384).nullable())
      .refine((env) => !Object.hasOwn(env, "__proto__"), "__proto__ is no variable")
      .optional(),
  })
  .refine((wish) => wish.count !== undefined || wish.env !== undefined, "count or env is needed");

/** An answer with a status. */
class Refusal extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** Makes the service; the caller lets it listen. */
export function orchestrator(worker: Worker, feed: Feed, token: string): Server {
  if (token.length < 16) throw new Error("the token needs at least 16 characters");
  const server = createServer({ headersTimeout: 10_000, requestTimeout: 30_000 }, (request, response) => {
    serve(worker, feed, token, request, response).catch((error: unknown) => {
      if (error instanceof Refusal) answer(response, error.status, { error: error.message });
      // The text of an unexpected error may hold anything.
      else answer(response, 500, { error: "the orchestrator failed; its own log says why" });
      if (!(error instanceof Refusal)) console.error(error instanceof Error ? error.name : "error");
    });
  });
  server.maxConnections = MOST_CONNECTIONS;
  return server;
}

async function serve(
  worker: Worker,
  feed: Feed,
  token: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (!isAuthorized(request.headers.authorization, token)) {
    response.setHeader("www-authenticate", "Bearer");
    throw new Refusal(401, "a token is needed");
  }
  const path = (request.url ?? "").replace(/\?.*/s, "");
  switch (`${request.method ?? ""} ${path}`) {
    case "POST /fleet":
      answer(response, 202, worker.want(wishOf(await bodyOf(request))));
      return;
    case "GET /fleet":
      answer(response, 200, worker.status);
      return;
    case "GET /clones":
      answer(response, 200, { clones: await worker.clones() });
      return;
    case "GET /events":
      stream(feed, request, response);
      return;
    default:
      throw new Refusal(404, "there are POST /fleet, GET /fleet, GET /clones and GET /events");
  }
}

function wishOf(body: string): z.infer<typeof wishSchema> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    throw new Refusal(400, "the body is not JSON");
  }
  const wish = wishSchema.safeParse(parsed);
  if (wish.success) return wish.data;
  // The paths, not the values: those are secrets.
  const faults = wish.error.issues.map(({ path, message }) => `${path.join(".") || "the body"}: ${message}`);
  throw new Refusal(400, faults.join("; ").slice(0, 1000));
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    size += piece.length;
    if (size > BODY_LIMIT) throw new Refusal(413, `a body has at most ${BODY_LIMIT} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString("utf8");
}

function stream(feed: Feed, request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  response.write(": the events of the fleet\n\n");
  const after = Number(request.headers["last-event-id"] ?? 0);
  const end = feed.listen(Number.isSafeInteger(after) ? after : 0, (event) => response.write(sentEvent(event)));
  const heartbeat = setInterval(() => response.write(": alive\n\n"), HEARTBEAT_MS);
  response.on("close", () => {
    clearInterval(heartbeat);
    end();
  });
}

function answer(response: ServerResponse, status: number, body: object): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response.writeHead(status, {
    "content-type": "application/json",
    "cache-control": "no-store",
    // A refused body is not read to its end.
    ...(status === 413 && { connection: "close" }),
  });
  response.end(`${JSON.stringify(body)}\n`);
}
