/** What `absurd` takes from the environment; flags win over it. */
import { Command } from "commander";
import type pg from "pg";
import { z } from "zod";

import { AbsurdClient } from "@contimg/absurd";

import { UsageError } from "../failure.ts";
import { openPool } from "../pool.ts";

/** Each variable with its meaning; `absurd --help` prints it. */
export const ENVIRONMENT = {
  ABSURD_DATABASE_URL: "PostgreSQL of the queue, postgres://user:password@host:port/database",
  ABSURD_LISTEN_URL: "direct PostgreSQL for LISTEN when ABSURD_DATABASE_URL has ?pgbouncer=true",
  ABSURD_ENABLED: "false keeps workers from starting (default: true)",
  ABSURD_QUEUE_NAME: "queue of worker, spawn and tasks when --queue is not given",
  ABSURD_WORKER_CONCURRENCY: "tasks a worker runs at once (default: 1)",
  ABSURD_WORKER_POLL_INTERVAL: "seconds between looks of an idle worker (default: 2)",
  ABSURD_DLQ_ENABLED: "true: each task that dies is announced in a queue (see below)",
  ABSURD_DLQ_QUEUE_NAME: "that queue (default: dead-letter)",
  ABSURD_SPOOL_FOLDER: "where outcomes and spawns wait while the database is away (default: none)",
  ABSURD_TASK_TIMEOUT: "seconds of one attempt, for spawn (default: of the task)",
  ABSURD_MAX_RETRIES: "attempts after the first, for spawn (default: of the task)",
} as const;

const schema = z.object({
  ABSURD_DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }).optional(),
  ABSURD_LISTEN_URL: z.url({ protocol: /^postgres(ql)?$/ }).optional(),
  ABSURD_ENABLED: z.stringbool().default(true),
  ABSURD_QUEUE_NAME: z.string().min(1).optional(),
  ABSURD_WORKER_CONCURRENCY: z.coerce.number().int().positive().default(1),
  ABSURD_WORKER_POLL_INTERVAL: z.coerce.number().positive().default(2),
  ABSURD_DLQ_ENABLED: z.stringbool().optional(),
  ABSURD_DLQ_QUEUE_NAME: z.string().min(1).default("dead-letter"),
  ABSURD_SPOOL_FOLDER: z.string().min(1).optional(),
  ABSURD_TASK_TIMEOUT: z.coerce.number().positive().optional(),
  ABSURD_MAX_RETRIES: z.coerce.number().int().nonnegative().optional(),
});

/** Flags as commander gives them: text, or absent. */
export interface AbsurdFlags {
  readonly database?: string;
  readonly listenUrl?: string;
  readonly queue?: string;
  readonly concurrency?: string;
  readonly spoolFolder?: string;
  readonly timeout?: string;
  readonly maxRetries?: string;
  readonly json?: boolean;
}

export interface Settings {
  readonly databaseUrl: string;
  readonly listenUrl: string | undefined;
  readonly isEnabled: boolean;
  readonly queue: string | undefined;
  readonly concurrency: number;
  readonly pollSeconds: number;
  /** The queue that hears of each dead task; null: none; undefined: as the database has it. */
  readonly deadLetterQueue: string | null | undefined;
  readonly spoolFolder: string | undefined;
  readonly timeoutSeconds: number | undefined;
  readonly maxRetries: number | undefined;
}

/** @throws {UsageError} naming the variable, its value and what is expected */
export function readSettings(flags: AbsurdFlags): Settings {
  const { databaseUrl, ...others } = readServerSettings(flags);
  if (databaseUrl !== undefined) return { databaseUrl, ...others };
  throw new UsageError("no database: set ABSURD_DATABASE_URL or give --database");
}

/** Also without a database, for who can start one. @throws {UsageError} as above */
export function readServerSettings(
  flags: AbsurdFlags,
): Omit<Settings, "databaseUrl"> & { readonly databaseUrl: string | undefined } {
  const parsed = schema.safeParse({
    ...process.env,
    ...(flags.database === undefined ? {} : { ABSURD_DATABASE_URL: flags.database }),
    ...(flags.listenUrl === undefined ? {} : { ABSURD_LISTEN_URL: flags.listenUrl }),
    ...(flags.queue === undefined ? {} : { ABSURD_QUEUE_NAME: flags.queue }),
    ...(flags.concurrency === undefined ? {} : { ABSURD_WORKER_CONCURRENCY: flags.concurrency }),
    ...(flags.spoolFolder === undefined ? {} : { ABSURD_SPOOL_FOLDER: flags.spoolFolder }),
    ...(flags.timeout === undefined ? {} : { ABSURD_TASK_TIMEOUT: flags.timeout }),
    ...(flags.maxRetries === undefined ? {} : { ABSURD_MAX_RETRIES: flags.maxRetries }),
  });
  if (!parsed.success) {
    const issues = parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
    throw new UsageError(`setting ${issues.join("; ")}`);
  }
  const values = parsed.data;
  return {
    databaseUrl: values.ABSURD_DATABASE_URL,
    listenUrl: values.ABSURD_LISTEN_URL,
    isEnabled: values.ABSURD_ENABLED,
    queue: values.ABSURD_QUEUE_NAME,
    concurrency: values.ABSURD_WORKER_CONCURRENCY,
    pollSeconds: values.ABSURD_WORKER_POLL_INTERVAL,
    deadLetterQueue:
      values.ABSURD_DLQ_ENABLED === undefined
        ? undefined
        : values.ABSURD_DLQ_ENABLED
          ? values.ABSURD_DLQ_QUEUE_NAME
          : null,
    spoolFolder: values.ABSURD_SPOOL_FOLDER,
    timeoutSeconds: values.ABSURD_TASK_TIMEOUT,
    maxRetries: values.ABSURD_MAX_RETRIES,
  };
}

/** A command with the options that all have. */
export function absurdCommand(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .option("--database <url>", "PostgreSQL of the queue [ABSURD_DATABASE_URL]")
    .option("--json", "print one JSON object, for programs");
}

/** Runs with a pool and closes it. */
export async function withPool<Result>(
  flags: AbsurdFlags,
  work: (pool: pg.Pool) => Promise<Result>,
): Promise<Result> {
  const { databaseUrl } = readSettings(flags);
  const pool = openPool({ databaseUrl, applicationName: "absurd", max: 3 });
  try {
    return await work(pool);
  } finally {
    await pool.end();
  }
}

/** Runs with a client over a pool, sends its wake-ups and closes the pool. */
export function withClient<Result>(
  flags: AbsurdFlags,
  work: (client: AbsurdClient, pool: pg.Pool) => Promise<Result>,
): Promise<Result> {
  return withPool(flags, async (pool) => {
    const client = new AbsurdClient(pool);
    try {
      return await work(client, pool);
    } finally {
      await client.close();
    }
  });
}
