// @ts-check
"use strict";
/** Removes what operatorHome.cjs has made. */
const { rmSync } = require("node:fs");

module.exports = () => {
  rmSync(process.env.XDG_STATE_HOME ?? "", { recursive: true, force: true });
  return Promise.resolve();
};
