// @ts-check
"use strict";
/**
 * Loads the parts of Pulumi's SDK that only serialize functions when something uses them: TypeScript's compiler and npm's
 * library for dependencies took 0.65 of the 1.2 s of CPU in which the program, and the providers after it, start. Hornet
 * serializes no function; a program that does finds them as before, a moment later.
 *
 * program.cjs requires this file before the SDK's index, and the scripts install it. The providers' process starts with the
 * SDK, so Hornet's scripts and automation give this file to the CLI's Node processes (`--require` in NODE_OPTIONS,
 * automation/cli.ts). Under a CLI that runs without it everything works, and starts later.
 */
const Module = require("node:module");
const path = require("node:path");

/** The modules, as the SDK's closure/parseFunction, closure/codePaths and typescript-shim name them. */
const LAZY = new Set(["typescript", "@npmcli/arborist", "normalize-package-data"]);

const SDK = `${path.sep}@pulumi${path.sep}pulumi${path.sep}`;
const mark = Symbol.for("hornet.lazySdk");
const marked = /** @type {Record<symbol, unknown>} */ (globalThis);

/** @typedef {(request: string, parent: { filename?: string | null } | undefined, isMain: boolean) => unknown} Load */

/**
 * An object that loads a module when one of its properties is read.
 * @param {() => any} load
 */
function whenUsed(load) {
  /** @type {any} */
  let loaded;
  const real = () => (loaded ??= load());
  return new Proxy(
    {},
    {
      // The SDK's compiled code asks for `__esModule` when it requires a module, which is no use of it.
      get: (_target, key) => {
        if (key === "__esModule") return true;
        return key === "default" && real().__esModule !== true ? real() : real()[key];
      },
      has: (_target, key) => key in real(),
      set: (_target, key, value) => Reflect.set(real(), key, value),
      ownKeys: () => Reflect.ownKeys(real()),
      getOwnPropertyDescriptor: (_target, key) => {
        const found = Object.getOwnPropertyDescriptor(real(), key);
        return found && { ...found, configurable: true };
      },
    },
  );
}

/** From now on this process loads them lazily. */
function install() {
  if (marked[mark]) return;
  marked[mark] = true;
  const loader = /** @type {{ _load: Load }} */ (/** @type {unknown} */ (Module));
  const load = loader._load;
  loader._load = function (request, parent, isMain) {
    const now = () => load.call(this, request, parent, isMain);
    return LAZY.has(request) && parent?.filename?.includes(SDK) ? whenUsed(now) : now();
  };
}

/**
 * Pulumi.yaml says `typescript: false`. A language host older than that option has the SDK load ts-node all the same, and a
 * ts-node that is loaded also slows every stack trace: half a second of CPU.
 */
function leaveOutTsNode() {
  const [, , ...args] = process.argv;
  const at = args.indexOf("--pwd");
  const [folder, program] = [args[at + 1], args.at(-1)];
  if (at < 0 || folder === undefined || program === undefined) return;
  if (path.resolve(folder, program) === path.join(__dirname, "program.cjs")) {
    delete process.env.PULUMI_NODEJS_TYPESCRIPT;
  }
}

// NODE_OPTIONS reach every Node process below the CLI; those that are not the SDK's stay as they are.
if (path.join(process.argv[1] ?? "").includes(`${SDK}cmd${path.sep}`)) {
  install();
  leaveOutTsNode();
}

module.exports = { install };
