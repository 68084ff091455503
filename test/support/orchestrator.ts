import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { checkout } from "../../sandbox/droplet/paths";

/** The example's orchestrator, as a separate process. */
export interface Orchestrator {
  readonly base: string;
  readonly token: string;
  /** Everything that it has printed. */
  readonly log: () => string;
  /** Every server-sent event so far, as it came. */
  readonly events: () => string;
  /** A request with the token; `body` makes it a POST. */
  readonly ask: (path: string, body?: object) => Promise<{ readonly status: number; readonly text: string }>;
  readonly end: () => Promise<number | null>;
}

/** Starts it for the stack `local` of a world's folder. */
export async function startOrchestrator(folder: string): Promise<Orchestrator> {
  const token = "token-of-a-test-0123456789";
  const file = join(folder, "token");
  writeFileSync(file, `${token}\n`, { mode: 0o600 });
  const main = join(checkout, "examples/orchestrator/main.ts");
  const argv = ["-r", join(checkout, "register.cjs"), main, "--token-file", file, "--port", "0"];
  const env = { ...process.env, HORNET_STATE: folder };
  const child = spawn(process.execPath, argv, { cwd: checkout, env, stdio: ["ignore", "pipe", "pipe"] });
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  let log = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (piece: Buffer) => (log += piece.toString()));
  let address: string | undefined;
  while (address === undefined) {
    address = /listens on (\S+)/.exec(log)?.[1];
    if (child.exitCode !== null) throw new Error(`the orchestrator ended: ${log}`);
    await sleep(20);
  }
  const base = `http://${address}`;
  const headers = { authorization: `Bearer ${token}` };
  let events = "";
  const streaming = new AbortController();
  const listening = (async () => {
    const { body } = await fetch(`${base}/events`, { headers, signal: streaming.signal });
    const decoder = new TextDecoder();
    for await (const piece of body as unknown as AsyncIterable<Uint8Array>) events += decoder.decode(piece);
  })().catch(() => undefined);
  return {
    base,
    token,
    log: () => log,
    events: () => events,
    ask: async (path, body) => {
      const post = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
      const answer = await fetch(`${base}${path}`, { headers, ...post });
      return { status: answer.status, text: await answer.text() };
    },
    end: async () => {
      child.kill("SIGTERM");
      const code = await ended;
      streaming.abort();
      await listening;
      return code;
    },
  };
}
