// @ts-check
"use strict";
/** Gives all tests of a run a folder of their own for what Hornet keeps of the operator. */
const { mkdtempSync } = require("node:fs");
const { tmpdir } = require("node:os");
const { join } = require("node:path");

module.exports = () => {
  process.env.XDG_STATE_HOME = mkdtempSync(join(tmpdir(), "hornet-operator-"));
  return Promise.resolve();
};
