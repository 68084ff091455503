// @ts-check
"use strict";
/**
 * The entry point of this checkout's Pulumi program. By itself Pulumi compiles index.ts, and all that it imports, anew at every
 * preview and every update; register.cjs keeps the results.
 */
require("./lazySdk.cjs");
require("./register.cjs");
module.exports = require("./index.ts");
