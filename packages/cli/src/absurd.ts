#!/usr/bin/env node
/** The command `absurd`: the task queue from a terminal. */
import { cancelCommand, retryCommand, spawnCommand } from "./absurd/change.ts";
import { historyCommand } from "./absurd/history.ts";
import { listCommand, showCommand } from "./absurd/look.ts";
import { migrateCommand } from "./absurd/migrate.ts";
import { scheduleCommand } from "./absurd/schedule.ts";
import { emitCommand, logCommand, stepsCommand } from "./absurd/steps.ts";
import { ENVIRONMENT } from "./absurd/settings.ts";
import { statsCommand } from "./absurd/stats.ts";
import { templateCommand } from "./absurd/template.ts";
import { workerCommand } from "./absurd/worker.ts";
import { workflowCommand } from "./absurd/workflow.ts";
import { runProgram } from "./program.ts";

const COMMANDS = [
  migrateCommand,
  workerCommand,
  spawnCommand,
  listCommand,
  showCommand,
  stepsCommand,
  logCommand,
  emitCommand,
  retryCommand,
  cancelCommand,
  statsCommand,
  scheduleCommand,
  historyCommand,
  workflowCommand,
  templateCommand,
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
