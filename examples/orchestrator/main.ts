/**
 * An orchestrator that keeps a stack's fleet as large as its clients want it:
 *
 *     node -r ./register.cjs examples/orchestrator/main.ts --stack dev --token-file ~/.orchestrator-token
 *
 * It listens on 127.0.0.1:8700; --host and --port name another address. docs/automation.md describes its requests.
 */
import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { parseArgs } from "node:util";
import { openStack } from "../../automation";
import { Feed } from "./feed";
import { orchestrator } from "./server";
import { Worker } from "./worker";

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      stack: { type: "string", default: "local" },
      cwd: { type: "string" },
      "token-file": { type: "string" },
      host: { type: "string", default: "127.0.0.1" },
      port: { type: "string", default: "8700" },
    },
  });
  const file = values["token-file"];
  if (file === undefined) throw new Error("--token-file is needed: a file with a token of at least 16 characters");
  const token = readFileSync(file, "utf8").trim();
  const stack = await openStack({
    stack: values.stack,
    create: false,
    ...(values.cwd !== undefined && { workDir: values.cwd }),
  });
  const ending = new AbortController();
  const feed = new Feed();
  const worker = new Worker(stack, feed, ending.signal);
  const server = orchestrator(worker, feed, token);
  server.listen(Number(values.port), values.host, () => {
    const { address, port } = server.address() as AddressInfo;
    console.log(`the orchestrator of the stack ${values.stack} listens on ${address}:${port}`);
  });
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      ending.abort();
      server.close();
      server.closeAllConnections();
      void worker.idle().then(() => process.exit(0));
    });
  }
}

main().catch((error: unknown) => {
  console.error(`error: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
});
