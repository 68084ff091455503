import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Linter, type ESLint } from "eslint";
import { parser } from "typescript-eslint";

// eslint-disable-next-line @typescript-eslint/no-require-imports
const plugin = require("./imports.cjs") as ESLint.Plugin;

const checkout = join(__dirname, "../..");

/** What both rules say about a text, were it this file of the checkout. */
function lint(file: string, text: string): string[] {
  const config = {
    files: ["**/*.ts"],
    languageOptions: { parser },
    plugins: { hornet: plugin },
    rules: { "hornet/layers": "error", "hornet/no-cycle": "error" },
  } as const;
  const said = new Linter({ cwd: checkout }).verify(text, config as never, join(checkout, file));
  return said.map(({ message }) => message);
}

test.each([
  [
    "model/planted.ts",
    'import type { FleetSpec } from "../config/spec";',
    "config/spec.ts, which is in a layer above it",
  ],
  ["config/planted.ts", 'import { quote } from "../host/quote";', "host/quote.ts, which is in a layer above it"],
  ["config/rules/planted.ts", 'import "../../sandbox/droplet";', "sandbox/droplet/index.ts, which is in a layer above"],
  ["plan/planted.ts", 'export * from "../providers/kit/define";', "providers/kit/define.ts, which is in a layer above"],
  ["providers/planted.ts", 'void import("../components/clone");', "components/clone.ts, which is in a layer above it"],
  ["host/planted.ts", 'import { spawn } from "node:child_process";', "only host/exec.ts starts processes"],
  ["providers/vm/planted.ts", 'const c = require("child_process");', "only host/exec.ts starts processes"],
  ["components/planted.ts", 'import { sessionOf } from "../host/session/session";', "reaches no droplet"],
  ["providers/planted.ts", 'import { notThere } from "../config/testing";', "config/testing.ts, which is a test's"],
  ["elsewhere/planted.ts", "export {};", "elsewhere/planted.ts is in no layer"],
])("%s with %s", (file, text, message) => {
  expect(lint(file, text)).toEqual([expect.stringContaining(message)]);
});

test.each([
  ["host/exec.ts", 'import { spawn } from "node:child_process";'],
  ["host/planted.ts", 'import type { ChildProcess } from "node:child_process";'],
  ["scripts/planted.ts", 'import { spawn } from "node:child_process";'],
  ["scripts/planted.ts", 'import { World } from "../test/support/world";'],
  ["providers/planted.ts", 'import { planRepair } from "../plan/vm/repair"; import { z } from "zod";'],
  ["config/planted.test.ts", 'import { quote } from "../host/quote";'],
])("%s may have %s", (file, text) => {
  expect(lint(file, text)).toEqual([]);
});

test("the error for a cycle names all its modules, also for types alone", () => {
  const folder = join(checkout, "tools/lint/planted");
  mkdirSync(folder);
  try {
    const first = 'import type { B } from "./b";\nexport type A = B;\n';
    writeFileSync(join(folder, "a.ts"), first);
    writeFileSync(join(folder, "b.ts"), 'export type { C as B } from "./c";\n');
    writeFileSync(join(folder, "c.ts"), 'import type { A } from "./a";\nexport type C = A;\n');
    const [a, b, c] = ["a", "b", "c"].map((name) => `tools/lint/planted/${name}.ts`);
    expect(lint(`tools/lint/planted/a.ts`, first)).toEqual([`an import cycle: ${a} → ${b} → ${c} → ${a}`]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
