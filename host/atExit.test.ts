import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

/** What a program with a clean-up of Hornet's prints, and how it ends, after SIGTERM. */
async function terminated(listener: string): Promise<{ printed: string; code: unknown; signal: unknown }> {
  const program = `const { atExit } = require(${JSON.stringify(join(__dirname, "atExit"))});
    ${listener}
    atExit(() => console.log("cleaned"));
    setInterval(() => undefined, 1000);
    console.log("ready");`;
  const child = spawn(process.execPath, ["-r", join(__dirname, "../register.cjs"), "-e", program]);
  let printed = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    printed += text;
    if (text.includes("ready")) child.kill("SIGTERM");
  });
  const [code, signal] = (await once(child, "close")) as unknown[];
  return { printed, code, signal };
}

test("a signal ends the process after the clean-up", async () => {
  expect(await terminated("")).toEqual({ printed: "ready\ncleaned\n", code: null, signal: "SIGTERM" });
});

test.each(["on", "once"])("a program that listens by %s() ends when it wants", async (how) => {
  const listener = `process.${how}("SIGTERM", () => setTimeout(() => { console.log("done"); process.exit(3); }, 50));`;
  expect(await terminated(listener)).toEqual({ printed: "ready\ndone\ncleaned\n", code: 3, signal: null });
});
