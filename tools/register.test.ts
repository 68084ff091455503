/** The cache of compiled TypeScript in register.cjs. */
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const checkout = resolve(__dirname, "..");
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hornet-register-"));
  copyFileSync(join(checkout, "register.cjs"), join(folder, "register.cjs"));
  symlinkSync(join(checkout, "node_modules"), join(folder, "node_modules"));
  write("interface None {}\nexport const said: string = 'one';\n");
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

const cache = (): string => join(folder, "cache/js");
const kept = (): string[] => readdirSync(cache()).sort();
const write = (source: string): void => writeFileSync(join(folder, "main.ts"), source);

/** What the module says, and whether the compiler was loaded for it. */
function ask(program = "require('./main.ts').said"): { said: string; compiled: boolean } {
  const loaded = "Object.keys(require.cache).some((name) => /swc.core.index/.test(name))";
  const code = `require('./register.cjs'); const said = ${program}; console.log(JSON.stringify({ said, compiled: ${loaded} }))`;
  const env = { ...process.env, HORNET_CACHE: join(folder, "cache"), NODE_OPTIONS: "" };
  return JSON.parse(execFileSync(process.execPath, ["-e", code], { cwd: folder, env, encoding: "utf8" })) as never;
}

test("a module is compiled once, and again after an edit", () => {
  expect(ask()).toEqual({ said: "one", compiled: true });
  expect(ask()).toEqual({ said: "one", compiled: false });
  const first = kept();
  expect(first).toHaveLength(1);
  write("export const said = 'two';\n");
  expect(ask()).toEqual({ said: "two", compiled: true });
  expect(kept()).toEqual(expect.arrayContaining(first));
  expect(kept()).toHaveLength(2);
});

test("a result that is cut off or changed is not used, and is made whole again", () => {
  ask();
  const file = join(cache(), kept()[0] ?? "");
  const whole = readFileSync(file, "utf8");
  for (const damaged of ["", whole.slice(0, -10), whole.replace("one", "six")]) {
    writeFileSync(file, damaged);
    expect(ask()).toEqual({ said: "one", compiled: true });
    expect(readFileSync(file, "utf8")).toBe(whole);
  }
});

test("a folder that others can write to, or that cannot be made, is not used", () => {
  ask();
  const before = kept();
  chmodSync(cache(), 0o777);
  expect(ask()).toEqual({ said: "one", compiled: true });
  expect(kept()).toEqual(before);
  rmSync(join(folder, "cache"), { recursive: true });
  writeFileSync(join(folder, "cache"), "");
  expect(ask()).toEqual({ said: "one", compiled: true });
});

test("a stack trace of the SDK's processes shows the line of the TypeScript file", () => {
  write("interface None {\n  no: string;\n}\n\nexport const said = (): string => new Error().stack ?? '';\n");
  const sdk =
    "require(require.resolve('source-map-support/register', { paths: [require.resolve('@pulumi/pulumi/package.json')] }))";
  for (const compiled of [true, false]) {
    const program = `(require('./main.ts').said)()`;
    const code = `(${sdk}, delete globalThis[Symbol.for('hornet.register')], delete require.cache[require.resolve('./register.cjs')], require('./register.cjs'), ${program})`;
    expect(ask(code)).toEqual({ said: expect.stringContaining("main.ts:5:35") as string, compiled });
  }
});
