// @ts-check
"use strict";
/** What another program gets by `require("hornet/automation")`. See docs/automation.md. */
require("../register.cjs");
module.exports = require("./index.ts");
