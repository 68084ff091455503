// @ts-check
/** @type {import("jest").Config} */
module.exports = {
  testEnvironment: "node",
  testMatch: ["**/*.test.ts"],
  testPathIgnorePatterns: ["/node_modules/", "/\\.hornet/"],
  modulePathIgnorePatterns: ["/\\.hornet/"],
  transform: { "\\.ts$": ["@swc/jest", { jsc: { parser: { syntax: "typescript" }, target: "es2022" } }] },
  // A stack's lineage is recorded in the operator's home, which is not to be that of whoever runs the tests.
  globalSetup: "<rootDir>/test/support/operatorHome.cjs",
  globalTeardown: "<rootDir>/test/support/operatorHomeEnd.cjs",
  testSequencer: "<rootDir>/test/support/longestFirst.cjs",
  coverageProvider: "v8",
};
