import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, mkdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const checkout = resolve(__dirname, "..");

/** Runs code in a process of its own that has made a private folder, and ends it once that is there. */
async function endedBy(code: string, signal: NodeJS.Signals): Promise<{ folder: string; ended: unknown }> {
  const program = `require(${JSON.stringify(join(checkout, "register.cjs"))});
    const { privateFolder } = require(${JSON.stringify(join(checkout, "host/privateFolder.ts"))});
    ${code}; console.log(privateFolder().path); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["-e", program], { stdio: ["ignore", "pipe", "inherit"] });
  const folder = await new Promise<string>((done) => {
    child.stdout.setEncoding("utf8").once("data", (text: string) => done(text.trim()));
  });
  expect(existsSync(folder)).toBe(true);
  const end = new Promise((done) => child.once("close", (exit, by) => done(by ?? exit)));
  child.kill(signal);
  return { folder, ended: await end };
}

test.each<NodeJS.Signals>(["SIGINT", "SIGTERM", "SIGHUP"])(
  "a private folder is removed when %s ends its process",
  async (signal) => {
    const { folder, ended } = await endedBy("", signal);
    expect(ended).toBe(signal);
    expect(existsSync(folder)).toBe(false);
  },
);

test("a process that handles signals itself keeps its folder until it ends", async () => {
  const code = `const { existsSync } = require("node:fs");
    process.on("SIGINT", () => setTimeout(() => process.exit(existsSync(privateFolder.made) ? 7 : 8), 50));
    const log = console.log; console.log = (folder) => { privateFolder.made = folder; log(folder); }`;
  const { folder, ended } = await endedBy(code, "SIGINT");
  expect(ended).toBe(7);
  expect(existsSync(folder)).toBe(false);
});

test("its path leaves room for a socket's name also where TMPDIR is long", () => {
  const above = mkdtempSync(join(tmpdir(), "hornet-long-"));
  const long = join(above, "x".repeat(90));
  mkdirSync(long);
  try {
    const program = `require(${JSON.stringify(join(checkout, "register.cjs"))});
      console.log(require(${JSON.stringify(join(checkout, "host/privateFolder.ts"))}).privateFolder().path)`;
    const env = { ...process.env, TMPDIR: long };
    const path = execFileSync(process.execPath, ["-e", program], { env, encoding: "utf8" }).trim();
    expect(Buffer.byteLength(`${path}/c.0123456789abcdef`)).toBeLessThan(108);
  } finally {
    rmSync(above, { recursive: true });
  }
});
