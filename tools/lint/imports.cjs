// @ts-check
"use strict";
/**
 * ESLint rules about imports: data flows one way, no module imports itself through others, and only
 * host/exec.ts starts processes. Tests may import any layer, but are part of no cycle either.
 */
const { existsSync, readFileSync, statSync } = require("node:fs");
const { dirname, join, relative, resolve } = require("node:path");
const ts = require("typescript");

const checkout = resolve(__dirname, "../..");

/** Each layer imports itself and those before it. Folders of one row stand beside each other. */
const LAYERS = [
  ["model"],
  ["firecracker"],
  ["config"],
  ["plan"],
  ["host"],
  ["droplet"],
  ["operator"],
  ["providers"],
  ["components"],
  ["automation", "index.ts", "main.cjs", "program.cjs", "providers.cjs"],
  ["guest", "sandbox", "scripts", "tools", "test", "bench", "examples"],
];
const TOP = LAYERS.length - 1;
const SPAWNS = "host/exec.ts";
/** A component declares resources; a preview runs it, and nobody expects that to reach a droplet. */
const REACHES_DROPLETS = /^host\/(session\/|exec\.ts)/;
/** Modules that belong to no layer: they import nothing. */
const LAYERLESS = new Set(["provide.cjs", "register.cjs"]);

/** @param {string} path relative to the checkout */
function isTest(path) {
  return /(^test\/|\.test\.ts$|\/testing[^/]*\.ts$)/.test(path);
}

/** @param {string} path relative to the checkout */
function layerOf(path) {
  const [top = ""] = path.split("/");
  return LAYERS.findIndex((layer) => layer.includes(top));
}

/**
 * The module that a relative import names, as a path in the checkout; undefined for packages.
 *
 * @param {string} from absolute
 * @param {string} name
 */
function target(from, name) {
  if (!name.startsWith(".")) return undefined;
  const base = resolve(dirname(from), name);
  const file = [base, `${base}.ts`, join(base, "index.ts")].find((one) => existsSync(one) && statSync(one).isFile());
  return relative(checkout, file ?? base);
}

/** @type {Map<string, readonly string[]>} */
const graph = new Map();

/** @param {string} path relative to the checkout */
function importsOf(path) {
  const known = graph.get(path);
  if (known !== undefined) return known;
  const file = join(checkout, path);
  const text = path.endsWith(".ts") && existsSync(file) ? readFileSync(file, "utf8") : "";
  const found = ts.preProcessFile(text).importedFiles.flatMap(({ fileName }) => target(file, fileName) ?? []);
  graph.set(path, found);
  return found;
}

/**
 * How a module reaches another through imports; undefined where it does not.
 *
 * @param {string} from
 * @param {string} to
 * @returns {string[] | undefined}
 */
function pathBetween(from, to) {
  /** @type {Map<string, string>} */
  const cameFrom = new Map([[from, ""]]);
  for (const one of cameFrom.keys()) {
    if (one === to) {
      const path = [to];
      for (let step = cameFrom.get(to); step; step = cameFrom.get(step)) path.unshift(step);
      return path;
    }
    for (const next of importsOf(one)) if (!cameFrom.has(next)) cameFrom.set(next, one);
  }
  return undefined;
}

/**
 * Calls `judge` with each module that a file names.
 *
 * @param {(node: any, name: string) => void} judge
 */
function forEachImport(judge) {
  const visit = (/** @type {any} */ node) => {
    if (typeof node.source?.value === "string") judge(node, node.source.value);
  };
  return {
    ImportDeclaration: visit,
    ExportNamedDeclaration: visit,
    ExportAllDeclaration: visit,
    ImportExpression: visit,
    CallExpression(/** @type {any} */ node) {
      const [name] = node.arguments;
      if (node.callee.name === "require" && typeof name?.value === "string") judge(node, name.value);
    },
  };
}

/** @type {import("eslint").Rule.RuleModule} */
const layers = {
  meta: { type: "problem", schema: [] },
  create(context) {
    const path = relative(checkout, context.filename);
    if (isTest(path) || LAYERLESS.has(path)) return {};
    const own = layerOf(path);
    /** @type {(node: any, message: string) => void} */
    const report = (node, message) => context.report({ node, message });
    return {
      Program(/** @type {any} */ node) {
        if (own < 0 && path.includes("/"))
          report(node, `${path} is in no layer; name its folder in tools/lint/imports.cjs`);
      },
      ...forEachImport((node, name) => {
        if (own < 0) return;
        if (/^(node:)?child_process$/.test(name) && node.importKind !== "type" && own < TOP && path !== SPAWNS) {
          report(node, `only ${SPAWNS} starts processes`);
        }
        const other = target(context.filename, name);
        if (other === undefined || LAYERLESS.has(other)) return;
        const above = layerOf(other);
        if (above > own) report(node, `${path} imports ${other}, which is in a layer above it`);
        if (own < TOP && isTest(other)) report(node, `${path} imports ${other}, which is a test's`);
        if (path.startsWith("components/") && REACHES_DROPLETS.test(other)) {
          report(node, `a component declares and reaches no droplet: ${other} is for providers`);
        }
      }),
    };
  },
};

/** @type {import("eslint").Rule.RuleModule} */
const noCycle = {
  meta: { type: "problem", schema: [] },
  create(context) {
    const path = relative(checkout, context.filename);
    return forEachImport((node, name) => {
      const other = target(context.filename, name);
      const way = other === undefined ? undefined : pathBetween(other, path);
      if (way !== undefined) context.report({ node, message: `an import cycle: ${[path, ...way].join(" → ")}` });
    });
  },
};

module.exports = { rules: { layers, "no-cycle": noCycle } };
