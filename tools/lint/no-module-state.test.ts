import { spawnSync } from "node:child_process";
import { join } from "node:path";

/** What the rule says of a module, as ids of its messages. ESLint and its parser are ES modules, which jest does not load. */
function reported(code: string): string[] {
  const program = `
    import { Linter } from "eslint";
    import tseslint from "typescript-eslint";
    import { noModuleState } from ${JSON.stringify(join(__dirname, "no-module-state.mjs"))};
    const found = new Linter().verify(process.argv[1], [{
      files: ["**/*.ts"],
      languageOptions: { parser: tseslint.parser },
      plugins: { hornet: { rules: { "no-module-state": noModuleState } } },
      rules: { "hornet/no-module-state": "error" },
    }], "module.ts");
    console.log(JSON.stringify(found.map(({ messageId, message }) => messageId ?? message)));`;
  const argv = ["--input-type=module", "-e", program, code];
  const { stdout, stderr } = spawnSync(process.execPath, argv, { encoding: "utf8", cwd: join(__dirname, "../..") });
  if (stderr !== "") throw new Error(stderr);
  return JSON.parse(stdout) as string[];
}

test("mutable state of a module is reported, and constants are not", () => {
  const bad = `
    let count = 0;
    export let last: string | undefined;
    const seen = new Map<string, number>();
    export const known: Set<string> = new Set();
    const session = new Session();
    const list: string[] = [];
    const table: Record<string, { n: number }> = {};
    export const nested = { rows: [] as string[] };
    class Pool { static width = 4; static readonly all = new Map(); static readonly limit = 3; }
    export function note(name: string): void {
      list.push(name);
      table.a!.n++;
      delete table[name];
      nested.rows.splice(0);
      count += 1;
    }`;
  const good = `
    const LIMIT = 4;
    const names = ["a", "b"] as const;
    const KNOWN: ReadonlySet<string> = new Set(["a"]);
    const pattern = new RegExp("a");
    const table = { a: [1] };
    export function total(): number {
      const all = new Map<string, number>();
      let sum = 0;
      all.set("a", [...table.a].sort()[0] ?? 0);
      for (const value of all.values()) sum += value;
      return sum + names.map((name) => name.length).length + (KNOWN.has("a") && pattern.test("a") ? LIMIT : 0);
    }`;
  expect(reported(bad)).toEqual([
    "variable",
    "variable",
    "instance",
    "instance",
    "instance",
    "static",
    "static",
    "mutated",
    "mutated",
    "mutated",
  ]);
  expect(reported(good)).toEqual([]);
});
