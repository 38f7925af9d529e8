#!/usr/bin/env node
/** The command `contimg`: the pipeline from a terminal. */
import { Command, CommanderError } from "commander";

import { ENVIRONMENT } from "./config.ts";
import { demoCommand } from "./contimg/demo.ts";
import { lsCommand } from "./contimg/ls.ts";
import { migrateCommand } from "./contimg/migrate.ts";
import { reconcileCommand } from "./contimg/reconcile.ts";
import { runCommand } from "./contimg/run.ts";
import { simulateCommand } from "./contimg/simulate.ts";
import { spawnCommand } from "./contimg/spawn.ts";
import { workerCommand } from "./contimg/worker.ts";
import { EXIT_CODES, formatFailure, toFailure } from "./failure.ts";

/** Every command of contimg, in the order that help shows. */
const COMMANDS = [
  demoCommand,
  simulateCommand,
  runCommand,
  spawnCommand,
  workerCommand,
  lsCommand,
  reconcileCommand,
  migrateCommand,
];

function program(): Command {
  const lines = (table: object) =>
    Object.entries(table).map(([name, meaning]) => `  ${name.padEnd(26)} ${String(meaning)}`);
  const help = [
    "",
    "Environment (flags win over it):",
    ...lines(ENVIRONMENT),
    "",
    "Exit codes:",
    ...lines(EXIT_CODES),
  ].join("\n");
  const root = new Command("contimg")
    .description("DSA-110 continuum imaging: from visibilities to calibrated images and fluxes")
    .addHelpText("after", help)
    .exitOverride();
  for (const create of COMMANDS) root.addCommand(inheritExit(create()));
  return root;
}

/** Commands made elsewhere do not inherit exitOverride by themselves. */
function inheritExit(command: Command): Command {
  command.exitOverride();
  command.commands.forEach(inheritExit);
  return command;
}

async function main(argv: readonly string[]): Promise<number> {
  try {
    await program().parseAsync([...argv], { from: "user" });
    return 0;
  } catch (error) {
    // Commander has printed its message or the help already.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    const failed = toFailure(error);
    process.stderr.write(`${formatFailure("contimg", failed, argv.includes("--json"))}\n`);
    return failed.exitCode;
  }
}

process.exitCode = await main(process.argv.slice(2));
