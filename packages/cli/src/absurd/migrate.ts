/** `absurd migrate`: brings the schema absurd up to date. */
import { migrate } from "@contimg/absurd";
import type { Command } from "commander";

import { print } from "../output.ts";
import { type AbsurdFlags, absurdCommand, withPool } from "./settings.ts";

export function migrateCommand(): Command {
  return absurdCommand("migrate", "create the schema absurd or bring it up to date")
    .addHelpText("after", "\nSafe to run at any time, by several hosts at once, and again.")
    .action(async (flags: AbsurdFlags) => {
      const report = await withPool(flags, (pool) => migrate(pool));
      print(flags.json ?? false, report, () =>
        report.applied.length === 0
          ? "schema absurd is up to date"
          : `applied ${report.applied.join(", ")}`,
      );
    });
}
