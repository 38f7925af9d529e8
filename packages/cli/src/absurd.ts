#!/usr/bin/env node
/** The command `absurd`: the task queue from a terminal. */
import { cancelCommand, retryCommand } from "./absurd/cancel.ts";
import { completionCommand } from "./absurd/completion.ts";
import { doctorCommand } from "./absurd/doctor.ts";
import { dlqCommand } from "./absurd/dlq.ts";
import { explainCommand, moveCommand } from "./absurd/explain.ts";
import { historyCommand } from "./absurd/history.ts";
import { limitsCommand } from "./absurd/limits.ts";
import { migrateCommand } from "./absurd/migrate.ts";
import { queuesCommand } from "./absurd/queues.ts";
import { schedulesCommand } from "./absurd/schedules.ts";
import { serveCommand } from "./absurd/serve.ts";
import { SERVE_ENVIRONMENT } from "./absurd/serve-settings.ts";
import { ENVIRONMENT } from "./absurd/settings.ts";
import { spawnCommand } from "./absurd/spawn.ts";
import { spoolCommand } from "./absurd/spool.ts";
import { statsCommand } from "./absurd/stats.ts";
import { emitCommand, stepsCommand } from "./absurd/steps.ts";
import { tailCommand } from "./absurd/tail.ts";
import { taskCommand, tasksCommand } from "./absurd/tasks.ts";
import { templatesCommand } from "./absurd/templates.ts";
import { topCommand } from "./absurd/top.ts";
import { tokenCommand } from "./absurd/token.ts";
import { undoCommand } from "./absurd/undo.ts";
import { workerCommand } from "./absurd/worker.ts";
import { workersCommand } from "./absurd/workers.ts";
import { workflowsCommand } from "./absurd/workflows.ts";
import { runProgram } from "./program.ts";

const COMMANDS = [
  tasksCommand,
  taskCommand,
  spawnCommand,
  retryCommand,
  cancelCommand,
  undoCommand,
  moveCommand,
  explainCommand,
  tailCommand,
  stepsCommand,
  emitCommand,
  dlqCommand,
  topCommand,
  statsCommand,
  queuesCommand,
  workersCommand,
  schedulesCommand,
  workflowsCommand,
  templatesCommand,
  limitsCommand,
  historyCommand,
  workerCommand,
  spoolCommand,
  serveCommand,
  tokenCommand,
  migrateCommand,
  doctorCommand,
  completionCommand,
];

process.exitCode = await runProgram(
  {
    name: "absurd",
    description: "durable task queue and workflow engine on plain PostgreSQL",
    commands: COMMANDS,
    environment: { ...ENVIRONMENT, ...SERVE_ENVIRONMENT },
    notes: [
      "Tasks that failed for good stay where they are: absurd dlq. A worker that starts with",
      "ABSURD_DLQ_ENABLED=true has the database spawn a task absurd.dead-letter for each of them,",
      "too, once that name is registered; false ends that; unset leaves it as it is.",
      "Not read: ABSURD_API_BASE_URL and ABSURD_API_HEARTBEAT_INTERVAL (workers beat in the",
      "database).",
    ],
  },
  process.argv.slice(2),
);
