// @ts-check
/**
 * `npm test [-- PATTERN…]`: types, lint, format and shell scripts, then Jest; ends with `N passed, N failed`. With patterns
 * only the tests run whose paths match.
 * `npm run lint` runs all but Jest, `npm run format` formats the files.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { SetupError } from "./setup/run.mjs";
import { setUp } from "./setup/setup.mjs";

const checkout = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const modules = join(checkout, "node_modules");
const skipped = new Set(["node_modules", ".git", ".hornet", "coverage", "target"]);

/** @typedef {{ passed: number, failed: number }} Count */

/**
 * @param {readonly string[]} argv
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<number>} the exit code
 */
function run(argv, env = process.env) {
  const [command = "", ...args] = argv;
  return new Promise((done) => {
    const child = spawn(command, args, { cwd: checkout, env, stdio: ["ignore", "inherit", "inherit"] });
    child.on("error", (error) => {
      console.error(`${command} could not be started: ${error.message}`);
      done(127);
    });
    child.on("close", (code) => done(code ?? 128));
  });
}

const isPerlProgram = (/** @type {string} */ path) => path.endsWith(".pl");

/**
 * The files of the checkout for which isOne holds.
 *
 * @param {(path: string) => boolean} isOne
 */
function filesThat(isOne, folder = checkout) {
  /** @type {string[]} */
  const found = [];
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && !skipped.has(entry.name)) found.push(...filesThat(isOne, path));
    else if (entry.isFile() && isOne(path)) found.push(relative(checkout, path));
  }
  return found.sort();
}

/**
 * Judges by the ending of the name, or by the first line.
 *
 * @param {string} path
 */
function isShellScript(path) {
  if (path.endsWith(".sh")) return true;
  // Read only files whose names have no ending, not every big file.
  return (
    !/\.[^/]+$/.test(path.slice(path.lastIndexOf("/") + 2)) &&
    /^#!\/bin\/(ba)?sh|^#!\/usr\/bin\/env bash/.test(readFileSync(path, "utf8"))
  );
}

const checks = {
  types: () => [process.execPath, join(modules, "typescript/bin/tsc"), "--noEmit"],
  lint: () => [process.execPath, join(modules, "eslint/bin/eslint.js"), "."],
  format: () => [process.execPath, join(modules, "prettier/bin/prettier.cjs"), "--check", "--log-level", "warn", "."],
  "shell scripts": () => ["shellcheck", ...filesThat(isShellScript)],
  // perl -c checks one program at a time.
  "perl programs": () => ["sh", "-c", 'for f; do perl -wc "$f" || exit; done', "sh", ...filesThat(isPerlProgram)],
};

/** @returns {Promise<Count>} */
async function lint() {
  const count = { passed: 0, failed: 0 };
  for (const [name, argv] of Object.entries(checks)) {
    const passed = (await run(argv())) === 0;
    console.error(`== ${name}: ${passed ? "passed" : "FAILED"}`);
    count[passed ? "passed" : "failed"]++;
  }
  return count;
}

/** At most so many failed files run once more: where more fail, it is no race. */
const TRIED_AGAIN = 3;

/** @typedef {{ name: string, status: string, assertionResults: { status: string, fullName: string }[] }} TestFile */

/**
 * Runs Jest, and a file that failed once more, alone: some tests boot guests, and a busy machine may starve one. What fails then
 * has failed; what passes is named, because it is a race that somebody has to find.
 *
 * @param {readonly string[]} args
 * @returns {Promise<Count>}
 */
async function jest(args) {
  // Tests wait for droplets and guests almost half of their time. With more workers all guests become slower.
  const files = await runJest([`--maxWorkers=${Math.min(3, availableParallelism() + 1)}`, ...args]);
  if (files === undefined) return { passed: 0, failed: 1 };
  const failed = files.filter(({ status }) => status === "failed");
  if (failed.length === 0 || failed.length > TRIED_AGAIN) return countOf(files);
  const names = failed.map(({ name }) => name);
  console.error(`\n== tried once more, alone: ${names.map((name) => relative(checkout, name)).join(", ")}`);
  const again = await runJest(["--runInBand", "--runTestsByPath", ...names]);
  if (again === undefined) return countOf(files);
  for (const { assertionResults } of failed)
    for (const { status, fullName } of assertionResults)
      if (status === "failed") console.error(`== failed at the first try: ${fullName}`);
  return countOf([...files.filter(({ status }) => status !== "failed"), ...again]);
}

/**
 * @param {readonly string[]} args
 * @returns {Promise<TestFile[] | undefined>} undefined where Jest itself failed
 */
async function runJest(args) {
  const folder = mkdtempSync(join(tmpdir(), "hornet-jest-"));
  try {
    const file = join(folder, "result.json");
    const code = await run([
      process.execPath,
      join(modules, "jest/bin/jest.js"),
      "--json",
      `--outputFile=${file}`,
      ...args,
    ]);
    if (!existsSync(file)) return undefined;
    /** @type {TestFile[]} */
    const files = JSON.parse(readFileSync(file, "utf8")).testResults;
    return code === 0 || files.some(({ status }) => status === "failed") ? files : undefined;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * A file that failed before its first test counts as one failure.
 *
 * @param {readonly TestFile[]} files
 * @returns {Count}
 */
function countOf(files) {
  const count = { passed: 0, failed: 0 };
  for (const { status, assertionResults } of files) {
    const failed = assertionResults.filter((one) => one.status === "failed").length;
    count.passed += assertionResults.filter((one) => one.status === "passed").length;
    count.failed += status === "failed" ? Math.max(failed, 1) : 0;
  }
  return count;
}

/** @param {readonly string[]} args */
async function main(args) {
  await setUp("test");
  if (args[0] === "--format")
    return run([process.execPath, join(modules, "prettier/bin/prettier.cjs"), "--write", "."]);
  if (args[0] === "--lint") return (await lint()).failed === 0 ? 0 : 1;
  const linted = args.length === 0 ? await lint() : { passed: 0, failed: 0 };
  const tested = await jest(args);
  return report({ passed: linted.passed + tested.passed, failed: linted.failed + tested.failed });
}

/** @param {Count} count */
function report({ passed, failed }) {
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

main(process.argv.slice(2)).then(
  (code) => (process.exitCode = code),
  (error) => {
    console.error(error instanceof SetupError ? `\nerror: ${error.message}` : error);
    process.exitCode = report({ passed: 0, failed: 1 });
  },
);
