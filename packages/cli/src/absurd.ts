#!/usr/bin/env node
/** The command `absurd`: the task queue from a terminal. */
import { Command, CommanderError } from "commander";

import { cancelCommand, retryCommand, spawnCommand } from "./absurd/change.ts";
import { listCommand, showCommand, statsCommand } from "./absurd/look.ts";
import { migrateCommand } from "./absurd/migrate.ts";
import { ENVIRONMENT } from "./absurd/settings.ts";
import { workerCommand } from "./absurd/worker.ts";
import { EXIT_CODES, formatFailure, toFailure } from "./failure.ts";

/** Every command of absurd, in the order that help shows. */
const COMMANDS = [
  migrateCommand,
  workerCommand,
  spawnCommand,
  listCommand,
  showCommand,
  retryCommand,
  cancelCommand,
  statsCommand,
];

function program(): Command {
  const lines = (table: object): string[] =>
    Object.entries(table).map(([name, meaning]) => `  ${name.padEnd(29)} ${String(meaning)}`);
  const help = [
    "",
    "Environment (flags win over it):",
    ...lines(ENVIRONMENT),
    "",
    "Not read: ABSURD_DLQ_ENABLED and ABSURD_DLQ_QUEUE_NAME (tasks that failed for good stay where",
    "they are; see the view absurd.dead_letter, and retry), ABSURD_API_BASE_URL and",
    "ABSURD_API_HEARTBEAT_INTERVAL (workers beat in the database).",
    "",
    "Exit codes:",
    ...lines(EXIT_CODES),
  ].join("\n");
  const root = new Command("absurd")
    .description("durable task queue and workflow engine on plain PostgreSQL")
    .addHelpText("after", help)
    .exitOverride();
  for (const create of COMMANDS) root.addCommand(create().exitOverride());
  return root;
}

async function main(argv: readonly string[]): Promise<number> {
  try {
    await program().parseAsync([...argv], { from: "user" });
    return 0;
  } catch (error) {
    // Commander has printed its message or the help already.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    const failed = toFailure(error);
    process.stderr.write(`${formatFailure("absurd", failed, argv.includes("--json"))}\n`);
    return failed.exitCode;
  }
}

process.exitCode = await main(process.argv.slice(2));
