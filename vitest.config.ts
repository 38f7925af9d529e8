import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["packages/*/src/**/*.test.ts", "tests/**/*.test.ts"],
    reporters: ["default", "./scripts/tally-reporter.ts"],
    // Tests start servers, workers and compilers' worth of arithmetic: two files at once fill two cores.
    maxWorkers: 2,
    pool: "forks",
    globalSetup: ["packages/testkit/src/database-setup.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
