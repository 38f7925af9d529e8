/** `contimg migrate`: brings the database to the schemas of this version. */
import { migrateApi } from "@contimg/api";
import { migrateAll } from "@contimg/pipeline";
import { Command } from "commander";

import { print } from "../output.ts";
import { type CommonFlags, requireDatabase, withDatabase, withJson, withPool } from "./options.ts";

export function migrateCommand(): Command {
  const command = new Command("migrate").description(
    "create or update the schemas absurd, absurd_api and contimg; safe to repeat",
  );
  for (const add of [withDatabase, withJson]) add(command);
  return command.action(async (flags: CommonFlags) => {
    const { absurd, contimg, api } = await withPool(
      requireDatabase(flags).databaseUrl,
      async (pool) => ({ ...(await migrateAll(pool)), api: (await migrateApi(pool)).absurd_api }),
    );
    const applied = {
      absurd: absurd.applied,
      contimg: contimg.applied,
      absurd_api: api.applied,
    };
    print(flags.json ?? false, { applied }, () => {
      const names = [...applied.absurd, ...applied.contimg, ...applied.absurd_api];
      return names.length === 0 ? "nothing to do" : `applied ${names.join(", ")}`;
    });
  });
}
