/** What both programs have in common: their help's last part, and how they end. */
import { Command, CommanderError } from "commander";

import { EXIT_CODES, formatFailure, toFailure } from "./failure.ts";

export interface ProgramOptions {
  readonly name: string;
  readonly description: string;
  /** In the order that help shows. */
  readonly commands: readonly (() => Command)[];
  /** Variables with their meanings. */
  readonly environment: Readonly<Record<string, string>>;
  /** Lines that follow the variables. */
  readonly notes?: readonly string[];
}

/** Runs the command that argv names; resolves with the exit code, after saying what went wrong. */
export async function runProgram(
  options: ProgramOptions,
  argv: readonly string[],
): Promise<number> {
  // head and less close the pipe when they have enough: no failure of ours.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit();
    throw error;
  });
  try {
    await createProgram(options).parseAsync([...argv], { from: "user" });
    // A command that found something amiss has said so, and set it.
    return Number(process.exitCode ?? 0);
  } catch (error) {
    // Commander has printed its message or the help already.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    const failed = toFailure(error);
    process.stderr.write(`${formatFailure(options.name, failed, argv.includes("--json"))}\n`);
    return failed.exitCode;
  }
}

function createProgram({
  name,
  description,
  commands,
  environment,
  notes,
}: ProgramOptions): Command {
  const help = [
    "",
    "Environment (flags win over it):",
    ...formatMeanings(environment),
    ...(notes === undefined ? [] : ["", ...notes]),
    "",
    "Exit codes:",
    ...formatMeanings(EXIT_CODES),
  ].join("\n");
  const root = new Command(name).description(description).addHelpText("after", help).exitOverride();
  for (const create of commands) root.addCommand(inheritExit(create()));
  return root;
}

function formatMeanings(table: object): string[] {
  return Object.entries(table).map(([name, meaning]) => `  ${name.padEnd(29)} ${String(meaning)}`);
}

/** Commands made elsewhere do not inherit exitOverride by themselves. */
function inheritExit(command: Command): Command {
  command.exitOverride();
  command.commands.forEach(inheritExit);
  return command;
}
