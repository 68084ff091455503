// @ts-check
"use strict";
/**
 * Compiles this package's own TypeScript when it is required, so that an edit runs without a build step.
 * Only files below this folder are touched: a program that uses Hornet keeps its own loader. It works where
 * the package lies in node_modules too, which ts-node and its kin pass over.
 */
const path = require("node:path");
const { transformSync } = require("@swc/core");
const { addHook } = require("pirates");

const root = __dirname + path.sep;
const mark = Symbol.for("hornet.register");

if (!(/** @type {Record<symbol, unknown>} */ (globalThis)[mark])) {
  /** @type {Record<symbol, unknown>} */ (globalThis)[mark] = true;
  addHook(
    (source, filename) =>
      transformSync(source, {
        filename,
        configFile: false,
        swcrc: false,
        sourceMaps: "inline",
        jsc: { parser: { syntax: "typescript" }, target: "es2022", transform: { useDefineForClassFields: false } },
        module: { type: "commonjs", importInterop: "node" },
      }).code,
    {
      extensions: [".ts"],
      ignoreNodeModules: false,
      matcher: (filename) => filename.startsWith(root) && !filename.slice(root.length).includes("node_modules"),
    },
  );
}
