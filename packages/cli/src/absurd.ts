#!/usr/bin/env node
/** The command `absurd`: the task queue from a terminal. */
import { cancelCommand, retryCommand, spawnCommand } from "./absurd/change.ts";
import { listCommand, showCommand, statsCommand } from "./absurd/look.ts";
import { migrateCommand } from "./absurd/migrate.ts";
import { ENVIRONMENT } from "./absurd/settings.ts";
import { spoolCommand } from "./absurd/spool.ts";
import { workerCommand } from "./absurd/worker.ts";
import { runProgram } from "./program.ts";

const COMMANDS = [
  migrateCommand,
  workerCommand,
  spawnCommand,
  listCommand,
  showCommand,
  retryCommand,
  cancelCommand,
  statsCommand,
  spoolCommand,
];

process.exitCode = await runProgram(
  {
    name: "absurd",
    description: "durable task queue and workflow engine on plain PostgreSQL",
    commands: COMMANDS,
    environment: ENVIRONMENT,
    notes: [
      "Not read: ABSURD_DLQ_ENABLED and ABSURD_DLQ_QUEUE_NAME (tasks that failed for good stay",
      "where they are; see the view absurd.dead_letter, and retry), ABSURD_API_BASE_URL and",
      "ABSURD_API_HEARTBEAT_INTERVAL (workers beat in the database).",
    ],
  },
  process.argv.slice(2),
);
