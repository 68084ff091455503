// @ts-check
"use strict";
/** What another program gets by `require("hornet")`: the resources and components. See README.md. */
require("./register.cjs");
module.exports = require("./components/index.ts");
