import { resolve } from "node:path";
import { z } from "zod";
import { limitMs } from "./settings";

const script = resolve(__dirname, "agentServerMain.cjs");
const file = "/run/agent-server";

const request = z.object({ at: z.number(), from: z.string(), id: z.string(), key: z.string() });

/** A request that an agent made; `at` is ms since 1970 by the droplet's clock. */
export type AgentRequest = z.infer<typeof request>;

/** The agents' service, on an address of the droplet. */
export interface AgentServer {
  /** All requests so far, in order. */
  requests(): Promise<AgentRequest[]>;
  /** Waits until `enough` says yes to the requests; fails after a minute, or longer on a slow machine. */
  until(enough: (requests: readonly AgentRequest[]) => boolean): Promise<AgentRequest[]>;
  forget(): Promise<void>;
}

/**
 * Runs work while the agents' service runs. It listens on any address, so that it starts before the bridge
 * and misses no early request.
 */
export async function withAgentServer<T>(
  world: { onDroplet(script: string): Promise<string> },
  port: number,
  work: (server: AgentServer) => Promise<T>,
): Promise<T> {
  const start = `: >${file}; setsid ${process.execPath} ${script} 0.0.0.0 ${port} ${file} </dev/null >/dev/null 2>&1 & printf %s "$!"`;
  const pid = await world.onDroplet(start);
  const requests = async (): Promise<AgentRequest[]> =>
    (await world.onDroplet(`cat ${file}`))
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => request.parse(JSON.parse(line)));
  const server: AgentServer = {
    requests,
    async until(enough) {
      const limit = limitMs(60);
      const end = Date.now() + limit;
      for (;;) {
        const seen = await requests();
        if (enough(seen)) return seen;
        if (Date.now() > end) throw new Error(`not within ${limit / 1000} s; seen: ${JSON.stringify(seen.slice(-20))}`);
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    },
    async forget() {
      await world.onDroplet(`: >${file}`);
    },
  };
  try {
    return await work(server);
  } finally {
    await world.onDroplet(`kill ${pid}; while kill -0 ${pid} 2>/dev/null; do sleep 0.05; done; rm -f ${file}`);
  }
}
