/** What lazySdk.cjs keeps out of the start of Pulumi's SDK, and that everything is there for who uses it. */
import { execFileSync } from "node:child_process";
import { join, resolve } from "node:path";

const checkout = resolve(__dirname, "..");

const HEAVY = { typescript: "typescript/lib", arborist: "@npmcli/arborist/lib", tsNode: "ts-node/dist" };

/**
 * Runs code as the SDK's process would that starts programs or providers, and returns its JSON.
 *
 * @param entry the SDK's entry that the process seems to have
 */
function run(code: string, entry = "run", args: readonly string[] = [], env: Record<string, string> = {}): unknown {
  const sdk = join(checkout, `node_modules/@pulumi/pulumi/cmd/${entry}/index.js`);
  const argv = `process.argv = [process.argv[0], ${JSON.stringify(sdk)}, ...${JSON.stringify(args)}];`;
  const loaded = `const loaded = () => Object.entries(${JSON.stringify(HEAVY)}).filter(([, part]) =>
    Object.keys(require.cache).some((name) => name.includes(part))).map(([name]) => name);`;
  const text = `${argv} require('./lazySdk.cjs'); ${loaded} (async () => { ${code} })().then((found) => console.log(JSON.stringify(found)))`;
  const options = { cwd: checkout, env: { ...process.env, NODE_OPTIONS: "", ...env }, encoding: "utf8" } as const;
  return JSON.parse(execFileSync(process.execPath, ["-e", text], options));
}

test("the SDK starts without the compiler and without npm's library", () => {
  expect(run("require('@pulumi/pulumi'); return loaded();")).toEqual([]);
  expect(run("require('@pulumi/pulumi'); return loaded();", "another")).toEqual([]);
});

test("a process that is not the SDK's stays as it is", () => {
  const code = "process.argv[1] = '/elsewhere.js'; require('./lazySdk.cjs'); require('@pulumi/pulumi');";
  const list = "console.log(Object.keys(require.cache).some((name) => name.includes('@npmcli/arborist/lib')))";
  const env = { ...process.env, NODE_OPTIONS: "" };
  expect(execFileSync(process.execPath, ["-e", code + list], { cwd: checkout, env, encoding: "utf8" })).toBe("true\n");
});

test("a function is serialized as before", () => {
  const code = `const pulumi = require('@pulumi/pulumi');
    const three = 3;
    const { text } = await pulumi.runtime.serializeFunction((more) => more + three);
    return { text: text.includes('more + three') || text.includes('more + 3'), loaded: loaded() };`;
  expect(run(code)).toEqual({ text: true, loaded: ["typescript"] });
});

test("the packages that a function needs are found as before", () => {
  const code = `const pulumi = require('@pulumi/pulumi');
    const paths = await pulumi.runtime.computeCodePaths({});
    return { zod: [...paths.keys()].some((path) => /node_modules.zod$/.test(path)), loaded: loaded() };`;
  expect(run(code)).toEqual({ zod: true, loaded: ["arborist"] });
});

test("the program of this checkout needs no ts-node, and another one keeps it", () => {
  const wanted = (program: string, folder = checkout): unknown =>
    run("return process.env.PULUMI_NODEJS_TYPESCRIPT ?? 'left out';", "run", ["--pwd", folder, program], {
      PULUMI_NODEJS_TYPESCRIPT: "true",
    });
  expect(wanted("program.cjs")).toBe("left out");
  expect(wanted(join(checkout, "program.cjs"))).toBe("left out");
  expect(wanted("index.ts")).toBe("true");
  expect(wanted("program.cjs", "/")).toBe("true");
});
