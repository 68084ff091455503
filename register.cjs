// @ts-check
"use strict";
/**
 * Compiles this package's own TypeScript when it is required, so that an edit runs without a build step.
 * Only files below this folder are touched, and no other loader sees them: a program that uses Hornet keeps its own for
 * its own files, with the types, targets and checks that it wants. It works where the package lies in node_modules too,
 * which ts-node and its kin pass over, and where it is linked from there, which they do not.
 */
const { readFileSync } = require("node:fs");
const Module = require("node:module");
const path = require("node:path");
const { transformSync } = require("@swc/core");

/** @typedef {(module: { _compile(code: string, filename: string): void }, filename: string) => void} Loader */

const root = __dirname + path.sep;
const mark = Symbol.for("hornet.register");
const marked = /** @type {Record<symbol, unknown>} */ (globalThis);

/** @param {string} filename */
function isOurs(filename) {
  return filename.startsWith(root) && !filename.slice(root.length).includes("node_modules");
}

/** @type {Loader} */
function load(module, filename) {
  const { code } = transformSync(readFileSync(filename, "utf8"), {
    filename,
    configFile: false,
    swcrc: false,
    sourceMaps: "inline",
    jsc: { parser: { syntax: "typescript" }, target: "es2022", transform: { useDefineForClassFields: false } },
    module: { type: "commonjs", importInterop: "node" },
  });
  module._compile(code, filename);
}

if (!marked[mark]) {
  marked[mark] = true;
  const { _extensions: loaders } = /** @type {{ _extensions: Record<string, Loader> }} */ (
    /** @type {unknown} */ (Module)
  );
  const other = loaders[".ts"] ?? loaders[".js"];
  loaders[".ts"] = (module, filename) => (isOurs(filename) ? load(module, filename) : other?.(module, filename));
}
