import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import type { Kind } from "../providers/kinds";
import { providerText } from "./resource";

const root = resolve(__dirname, "..");
const kinds: readonly Kind[] = [
  "DropletCheck",
  "DropletClaim",
  "DropletHardening",
  "DropletLimits",
  "Bridge",
  "CloneNamespace",
  "ConsoleKeeper",
  "MetricsCollector",
  "NameServer",
  "NatRuleSet",
  "RecoveryKeeper",
  "SnapshotArtifact",
  "FirecrackerVM",
  "SshConfig",
];

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "hornet-program-"))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Loads a provider as the engine's dynamic provider does, in a process whose folder is the program's. */
function methodsOf(text: string, cwd: string): string[] {
  const loader = require.resolve("require-from-string", { paths: [root] });
  const script = `const provider = require(${JSON.stringify(loader)})(${JSON.stringify(text)}).handler();
    console.log(JSON.stringify(Object.keys(provider).sort()));`;
  return JSON.parse(execFileSync(process.execPath, ["-e", script], { cwd, encoding: "utf8" })) as string[];
}

const methods = ["check", "create", "delete", "diff", "read", "update"];

test("the provider's text in the state is short, and equal in every version of Hornet", () => {
  expect(providerText("FirecrackerVM", root)).toBe("exports.handler=()=>require('./providers.cjs').FirecrackerVM");
  expect(providerText("FirecrackerVM", "/somewhere")).toBe(
    "exports.handler=()=>require('hornet/providers.cjs').FirecrackerVM",
  );
  for (const kind of kinds) {
    // The program of the checkout, whose fleets are large, and the program of somebody else's.
    expect(Buffer.byteLength(providerText(kind, root))).toBeLessThanOrEqual(63);
    expect(Buffer.byteLength(providerText(kind, "/somewhere"))).toBeLessThanOrEqual(68);
    expect(providerText(kind, `${root}/`)).toBe(providerText(kind, root));
  }
});

test("every kind resolves from the checkout's folder", () => {
  for (const kind of kinds) expect([kind, methodsOf(providerText(kind, root), root)]).toEqual([kind, methods]);
});

test("a program of another folder finds the package in its node_modules, linked or copied", () => {
  mkdirSync(join(folder, "node_modules"));
  const installed = join(folder, "node_modules", "hornet");
  symlinkSync(root, installed);
  const text = providerText("Bridge", folder);
  expect(methodsOf(text, folder)).toEqual(methods);
  rmSync(installed);
  const left = ["node_modules", ".git", ".hornet", "sandbox", "guest", "tools", "test", "bench", "docs"];
  cpSync(root, installed, {
    recursive: true,
    filter: (path) => resolve(path, "..") !== root || !left.includes(basename(path)),
  });
  // Its dependencies, as a package manager would put them beside it.
  symlinkSync(join(root, "node_modules"), join(installed, "node_modules"));
  expect(methodsOf(text, folder)).toEqual(methods);
});

test("a program that ts-node compiles finds the package linked from elsewhere", () => {
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(root, join(folder, "node_modules", "hornet"));
  const script = "console.log(typeof require('hornet').CloneFleet)";
  const loader = require.resolve("ts-node/register");
  expect(execFileSync(process.execPath, ["-r", loader, "-e", script], { cwd: folder, encoding: "utf8" })).toBe(
    "function\n",
  );
});

test("the providers of a state before 0.2.0 refuse every operation in one sentence, without a stack", async () => {
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  const old = require("../provide.cjs") as Record<string, Record<string, () => Promise<unknown>> | string>;
  const bridge = old.Bridge as Record<string, () => Promise<unknown>>;
  const clone = old.Clone as Record<string, () => Promise<unknown>>;
  expect(Object.keys(clone).sort()).toEqual(methods);
  const errors = [];
  for (const method of [clone.read, bridge.delete]) errors.push(await method?.().catch((error: unknown) => error));
  expect(errors.map((error) => (error as Error).message)).toEqual([old.REFUSAL, "the same holds for this resource"]);
  expect(errors.map((error) => (error as Error).stack)).toEqual(["", ""]);
});
