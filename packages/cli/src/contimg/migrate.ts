/** `contimg migrate`: brings the database to the schemas of this version. */
import { migrateAll } from "@contimg/pipeline";
import { Command } from "commander";

import { print } from "../output.ts";
import { type CommonFlags, requireDatabase, withDatabase, withJson, withPool } from "./options.ts";

export function migrateCommand(): Command {
  const command = new Command("migrate").description(
    "create or update the schemas absurd and contimg; safe to repeat",
  );
  for (const add of [withDatabase, withJson]) add(command);
  return command.action(async (flags: CommonFlags) => {
    const report = await withPool(requireDatabase(flags).databaseUrl, migrateAll);
    const applied = { absurd: report.absurd.applied, contimg: report.contimg.applied };
    print(flags.json ?? false, { applied }, () => {
      const names = [...applied.absurd, ...applied.contimg];
      return names.length === 0 ? "nothing to do" : `applied ${names.join(", ")}`;
    });
  });
}
