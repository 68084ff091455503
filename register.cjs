// @ts-check
"use strict";
/**
 * Compiles this package's own TypeScript when it is required, so that an edit runs without a build step.
 * Only files below this folder are touched, and no other loader sees them: a program that uses Hornet keeps its own for
 * its own files, with the types, targets and checks that it wants. It works where the package lies in node_modules too,
 * which ts-node and its kin pass over, and where it is linked from there, which they do not.
 *
 * The results are kept as JavaScript in the user's cache, each under the digest of everything that it was made from, so an
 * edit or another compiler uses another file. Compiling 200 modules took 0.3 s of every command, twice.
 */
const { createHash, randomBytes } = require("node:crypto");
const fs = require("node:fs");
const Module = require("node:module");
const { homedir } = require("node:os");
const path = require("node:path");

/** @typedef {(module: { _compile(code: string, filename: string): void }, filename: string) => void} Loader */

const root = __dirname + path.sep;
const mark = Symbol.for("hornet.register");
const marked = /** @type {Record<symbol, unknown>} */ (globalThis);

/** @type {import("@swc/core").Options} */
const SETTINGS = {
  configFile: false,
  swcrc: false,
  sourceMaps: "inline",
  jsc: { parser: { syntax: "typescript" }, target: "es2022", transform: { useDefineForClassFields: false } },
  module: { type: "commonjs", importInterop: "node" },
};

/** What a result depends on besides its source: the compiler and its settings. */
const compiler = JSON.stringify([require("@swc/core/package.json").version, SETTINGS]);

/** ms after which a result is removed; a module that is still in use is then compiled again. */
const KEPT_MS = 30 * 24 * 3600 * 1000;

/** @param {string} text */
const digest = (text) => createHash("sha256").update(text).digest("hex");

/** @type {string | null | undefined} */
let folder;

/** The folder of the results; null if another user could put code into it. */
function cacheFolder() {
  if (folder !== undefined) return folder;
  const { HORNET_CACHE, XDG_CACHE_HOME } = process.env;
  const wanted = path.resolve(
    HORNET_CACHE || path.join(XDG_CACHE_HOME || path.join(homedir(), ".cache"), "hornet"),
    "js",
  );
  try {
    fs.mkdirSync(wanted, { recursive: true, mode: 0o700 });
    const { uid, mode } = fs.lstatSync(wanted);
    folder = uid === process.getuid?.() && (mode & 0o40022) === 0o40000 ? wanted : null;
  } catch {
    folder = null;
  }
  return folder;
}

/**
 * A kept result; undefined if there is none, or it is not whole.
 * @param {string} file
 */
function kept(file) {
  try {
    const text = fs.readFileSync(file, "utf8");
    const end = text.lastIndexOf("\n");
    const code = text.slice(0, end);
    return text.slice(end) === tailOf(code) ? code : undefined;
  } catch {
    return undefined;
  }
}

/** The last line of a result: a full disk or a crash may cut a file off. @param {string} code */
const tailOf = (code) => `\n//# sha256=${digest(code)}`;

let swept = false;

/**
 * Keeps a result, and removes old ones at the first. Several processes may keep the same one: a file appears as a whole.
 * @param {string} file
 * @param {string} code
 */
function keep(file, code) {
  const draft = `${file}.${randomBytes(6).toString("hex")}`;
  try {
    fs.writeFileSync(draft, code + tailOf(code), { mode: 0o600, flag: "wx" });
    fs.renameSync(draft, file);
    if (!swept) sweep(path.dirname(file));
  } catch {
    // A cache is only for speed.
    fs.rmSync(draft, { force: true });
  }
  swept = true;
}

/** @param {string} from */
function sweep(from) {
  for (const name of fs.readdirSync(from)) {
    const file = path.join(from, name);
    const age = Date.now() - (fs.statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0);
    if (age > KEPT_MS) fs.rmSync(file, { force: true });
  }
}

/** @param {string} filename */
function compile(filename) {
  const source = fs.readFileSync(filename, "utf8");
  const name = path.basename(filename);
  const into = cacheFolder();
  const file = into === null ? undefined : path.join(into, `${digest(`${compiler}\n${name}\n${source}`)}.js`);
  const known = file === undefined ? undefined : kept(file);
  if (known !== undefined) return known;
  // Loaded only if it is needed: it is a native library.
  const { code } = require("@swc/core").transformSync(source, { ...SETTINGS, filename, sourceFileName: name });
  if (file !== undefined) keep(file, code);
  return code;
}

/** The JavaScript that runs, by its TypeScript file. @type {Map<string, string>} */
const running = new Map();

/** The SDK's processes translate stack traces by source maps, which they look for in the file that they name. */
let translates = false;

function translateStacks() {
  if (translates) return;
  try {
    const sdk = require.resolve("@pulumi/pulumi/package.json");
    const name = require.resolve("source-map-support", { paths: [sdk] });
    const loaded = require.cache[name]?.exports;
    if (loaded === undefined) return;
    loaded.install({ retrieveFile: (/** @type {string} */ file) => running.get(file) ?? null });
  } catch {
    // This process has no SDK.
  }
  translates = true;
}

/** @param {string} filename */
function isOurs(filename) {
  return filename.startsWith(root) && !filename.slice(root.length).includes("node_modules");
}

/** @type {Loader} */
function load(module, filename) {
  const code = compile(filename);
  running.set(filename, code);
  module._compile(code, filename);
}

if (!marked[mark]) {
  marked[mark] = true;
  const { _extensions: loaders } = /** @type {{ _extensions: Record<string, Loader> }} */ (
    /** @type {unknown} */ (Module)
  );
  const other = loaders[".ts"] ?? loaders[".js"];
  loaders[".ts"] = (module, filename) => (isOurs(filename) ? load(module, filename) : other?.(module, filename));
  translateStacks();
}
