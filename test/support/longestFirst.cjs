// @ts-check
/**
 * Jest orders files by their size where it has not run them before, as on a fresh machine. The longest ones, which are small, then
 * came last and ran for ten minutes beside nothing.
 */
const { default: Sequencer } = require("@jest/test-sequencer");

const LONGEST = ["/test/chaos/", "/test/drift/"];

/** @param {{ path: string }} test */
const isLong = ({ path }) => LONGEST.some((folder) => path.includes(folder));

module.exports = class LongestFirst extends Sequencer {
  /** @type {import("@jest/test-sequencer").default["sort"]} */
  sort(tests) {
    return super.sort(tests).sort((one, other) => Number(isLong(other)) - Number(isLong(one)));
  }
};
