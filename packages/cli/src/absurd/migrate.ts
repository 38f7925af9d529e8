/** `absurd migrate`: brings the schemas absurd and absurd_api up to date. */
import { migrateApi } from "@contimg/api";
import type { Command } from "commander";

import { print } from "../output.ts";
import { type AbsurdFlags, absurdCommand, withPool } from "./settings.ts";

export function migrateCommand(): Command {
  return absurdCommand(
    "migrate",
    "create the schemas absurd and absurd_api or bring them up to date",
  )
    .addHelpText("after", "\nSafe to run at any time, by several hosts at once, and again.")
    .action(async (flags: AbsurdFlags) => {
      const report = await withPool(flags, (pool) => migrateApi(pool));
      const { absurd, absurd_api: api } = report;
      const applied = { absurd: absurd.applied, absurd_api: api.applied };
      print(flags.json ?? false, { applied }, () => {
        const names = [...applied.absurd, ...applied.absurd_api];
        return names.length === 0 ? "the schemas are up to date" : `applied ${names.join(", ")}`;
      });
    });
}
