// @ts-check
/**
 * `eval "$(npm run --silent env)"`: makes `pulumi` in this shell the CLI and the stack `local` of this checkout, and
 * leaves `pulumi … -s dev` with the user's own backend and login. A function, because Pulumi has no environment variable
 * for the config file of a stack.
 */
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));

/** @param {string} text */
const quote = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

const kept = Object.entries({ HORNET_STATE: process.env.HORNET_STATE && resolve(process.env.HORNET_STATE) });
for (const [name, value] of kept) if (value) console.log(`export ${name}=${quote(value)}`);
console.log(`pulumi() { ${quote(process.execPath)} ${quote(resolve(here, "hornet.mjs"))} pulumi "$@"; }`);
