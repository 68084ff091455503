// @ts-check
/**
 * Completes package-lock.json for systems other than the one that wrote it: `node scripts/setup/complete-lock.mjs`.
 *
 * If a registry does not serve the optional packages of another system (such as `@swc/core-darwin-arm64`), npm leaves them
 * out of the lock, and then `npm ci` refuses the lock everywhere, because it does not match package.json. This adds them by
 * their exact version; npm fetches them only on their own system. Run it after a change of the dependencies; it leaves a
 * complete lock unchanged.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const systems = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32"];
const processors = ["arm64", "arm", "ia32", "loong64", "mips64el", "ppc64", "riscv64", "s390x", "x64", "wasm32"];

/**
 * The platform of a package, from its name: `@unrs/resolver-binding-linux-arm-gnueabihf`.
 * @param {string} name
 */
function platformOf(name) {
  const words = name.split(/[/-]/);
  const os = words.find((word) => systems.includes(word));
  const cpu = words.find((word) => processors.includes(word));
  const libc = os !== "linux" ? undefined : words.some((word) => word.startsWith("musl")) ? "musl" : "glibc";
  return os && cpu ? { cpu: [cpu], ...(libc ? { libc: [libc] } : {}), os: [os] } : undefined;
}

/**
 * @param {{ packages: Record<string, any> }} lock changed in place
 * @returns {string[]} the names of the added packages
 */
export function completeLock(lock) {
  /** @type {string[]} */
  const added = [];
  for (const [path, entry] of Object.entries(lock.packages)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      const places = [`${path}/node_modules/${name}`, `node_modules/${name}`];
      if (places.some((place) => place in lock.packages)) continue;
      const platform = platformOf(name);
      if (!platform || !/^\d+\.\d+\.\d+/.test(version)) {
        throw new Error(`${name} ${version}, which ${path} may need, is in no lock and not a package of one system.`);
      }
      lock.packages[`node_modules/${name}`] = {
        version,
        ...platform,
        ...(entry.dev ? { dev: true } : {}),
        optional: true,
      };
      added.push(name);
    }
  }
  lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
  return added;
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const file = process.argv[2] ?? join(dirname(fileURLToPath(import.meta.url)), "../../package-lock.json");
  const lock = JSON.parse(readFileSync(file, "utf8"));
  const added = completeLock(lock);
  if (added.length > 0) writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
  console.error(added.length > 0 ? `added to ${file}: ${added.join(" ")}` : `${file} is complete`);
}
