import eslint from "@eslint/js";
import tseslint from "typescript-eslint";
import imports from "./tools/lint/imports.cjs";
import { noModuleState } from "./tools/lint/no-module-state.mjs";

const hornet = { rules: { ...imports.rules, "no-module-state": noModuleState } };

export default tseslint.config(
  { ignores: ["node_modules/", ".hornet/", "coverage/", "**/target/"] },
  eslint.configs.recommended,
  {
    files: ["**/*.ts", "**/*.cjs"],
    plugins: { hornet },
    rules: { "hornet/layers": "error", "hornet/no-cycle": "error" },
  },
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      "@typescript-eslint/consistent-type-definitions": ["error", "interface"],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      "@typescript-eslint/explicit-module-boundary-types": "error",
      "max-lines": ["error", { max: 300, skipBlankLines: true, skipComments: true }],
      eqeqeq: "error",
    },
  },
  {
    files: ["providers/**/*.ts", "host/**/*.ts"],
    ignores: ["**/*.test.ts"],
    plugins: { hornet },
    rules: { "hornet/no-module-state": "error" },
  },
  {
    files: ["**/*.mjs", "**/*.cjs"],
    languageOptions: {
      globals: {
        process: "readonly",
        console: "readonly",
        require: "readonly",
        module: "writable",
        __dirname: "readonly",
        setImmediate: "readonly",
      },
    },
    rules: { "@typescript-eslint/no-require-imports": "off" },
  },
);
