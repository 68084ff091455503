// @ts-check
"use strict";
/**
 * The providers, by the name that each resource has in the state. The state holds one line that requires this file (see
 * components/resource.ts), so `refresh` and `destroy` run the code of today, not that of the last `up`.
 *
 * The engine starts one provider process for an operation, so this process has one Operation.
 */
require("./register.cjs");
const { providersOf } = require("./providers/kinds.ts");
const { Operation } = require("./providers/operation/operation.ts");

module.exports = providersOf(new Operation());
