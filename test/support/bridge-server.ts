import { resolve } from "node:path";
import type { World } from "./world";

const content = resolve(__dirname, "../../sandbox/droplet/internet");

/**
 * Runs work while a web server on one of the droplet's addresses answers with the client's address.
 * @param at `10.0.0.1:8080`
 */
export async function withBridgeServer<T>(world: World, at: string, work: () => Promise<T>): Promise<T> {
  const pid = await world.onDroplet(
    `setsid busybox httpd -f -p ${at} -h ${content} </dev/null >/dev/null 2>&1 & printf %s "$!"`,
  );
  try {
    return await work();
  } finally {
    await world.onDroplet(`kill ${pid}; while kill -0 ${pid} 2>/dev/null; do sleep 0.05; done`);
  }
}
