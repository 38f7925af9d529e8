// All strict rules are on; each exception has its reason beside it.
import { defineConfig } from "eslint/config";
import reactHooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

export default defineConfig(
  { ignores: ["**/node_modules/", ".tools/", "**/build/", ".demo/", ".cache/"] },
  // Scripts of pages that are served as they lie: no project of TypeScript has them.
  { ignores: ["packages/api/src/docs/*.js"] },
  { files: ["**/*.{ts,tsx,js}"] },
  tseslint.configs.strictTypeChecked,
  {
    files: ["packages/dashboard/src/**/*.{ts,tsx}"],
    plugins: { "react-hooks": reactHooks },
    rules: { "react-hooks/rules-of-hooks": "error", "react-hooks/exhaustive-deps": "error" },
  },
  {
    languageOptions: {
      parserOptions: {
        projectService: { allowDefaultProject: ["eslint.config.js"] },
      },
    },
    rules: {
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
      "@typescript-eslint/switch-exhaustiveness-check": "error",
      // Typed-array loops index what they have just bounded; `!` says so. Elsewhere review refuses it.
      "@typescript-eslint/no-non-null-assertion": "off",
      // Numbers in messages are the point of our error messages.
      "@typescript-eslint/restrict-template-expressions": [
        "error",
        { allowNumber: true, allowBoolean: true },
      ],
      // node:test style callbacks and async interfaces that some implementations fill synchronously.
      "@typescript-eslint/require-await": "off",
      // `while (true)` is how a loop that only leaves from its middle is written.
      "@typescript-eslint/no-unnecessary-condition": [
        "error",
        { allowConstantLoopConditions: true },
      ],
    },
  },
);
