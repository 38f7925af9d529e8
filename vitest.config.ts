import { resolve } from "node:path";

import { configDefaults, defineConfig } from "vitest/config";

/** Real telescope files; the tests of them are skipped, by name, where the folder is absent. */
const REAL_DATA =
  process.env["CONTIMG_REAL_DATA"] ?? resolve(import.meta.dirname, "../shared/data/real");

/** Tests of minutes, *.long.test.ts: LONG_TESTS=1, which make soak sets, runs them as well. */
const LONG = process.env["LONG_TESTS"] === undefined ? ["**/*.long.test.ts"] : [];

/**
 * Where Node keeps the compiled code of the programs that tests start, hundreds of times the same
 * few: half of a short command's processor time. Set before the test processes are started.
 */
process.env["NODE_COMPILE_CACHE"] ??= resolve(import.meta.dirname, ".cache/compiled");

export default defineConfig({
  test: {
    include: ["packages/*/src/**/*.test.{ts,tsx}", "tests/**/*.test.ts", "bench/**/*.test.ts"],
    exclude: [...configDefaults.exclude, ...LONG],
    reporters: ["default", "./scripts/tally-reporter.ts"],
    // For two cores: of two files at once, both wait a quarter of the time, for leases and graces.
    maxWorkers: 3,
    pool: "forks",
    env: { CONTIMG_REAL_DATA: REAL_DATA },
    globalSetup: ["packages/testkit/src/database-setup.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
