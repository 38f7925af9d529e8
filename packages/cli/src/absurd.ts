#!/usr/bin/env node
/** The command `absurd`: the task queue from a terminal. */
import { COMMANDS } from "./absurd/commands.ts";
import { SERVE_ENVIRONMENT } from "./absurd/serve-settings.ts";
import { ENVIRONMENT } from "./absurd/settings.ts";
import { runProgram } from "./program.ts";

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
