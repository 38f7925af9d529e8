/** Options that several commands share, and the configuration they give. */
import { type Command, Option } from "commander";
import type pg from "pg";

import { type Config, type ConfigFlags, readConfig } from "../config.ts";
import { UsageError } from "../failure.ts";
import { openPool } from "../pool.ts";

export interface CommonFlags extends ConfigFlags {
  readonly json?: boolean;
}

export function withDataRoot(command: Command): Command {
  return command.option("--data-root <folder>", "all data and products [CONTIMG_DATA_ROOT]");
}

export function withDatabase(command: Command): Command {
  return command.option(
    "--database <url>",
    "PostgreSQL of queue and registry [ABSURD_DATABASE_URL]",
  );
}

export function withThreads(command: Command): Command {
  return command.option("--threads <count>", "threads of one stage [CONTIMG_THREADS]");
}

export function withQueue(command: Command): Command {
  return command.option("--queue <name>", "queue of the tasks [ABSURD_QUEUE_NAME]");
}

export function withJson(command: Command): Command {
  return command.addOption(new Option("--json", "print one JSON object, for programs"));
}

/** The configuration with a database, which these commands cannot do without. */
export function requireDatabase(flags: CommonFlags): Config & { databaseUrl: string } {
  const config = readConfig(flags, process.env);
  if (config.databaseUrl === undefined) {
    throw new UsageError("no database: set ABSURD_DATABASE_URL or give --database");
  }
  return { ...config, databaseUrl: config.databaseUrl };
}

/** Runs with a pool and closes it. */
export async function withPool<Result>(
  databaseUrl: string,
  work: (pool: pg.Pool) => Promise<Result>,
): Promise<Result> {
  const pool = openPool({ databaseUrl, applicationName: "contimg", max: 4 });
  try {
    return await work(pool);
  } finally {
    await pool.end();
  }
}
