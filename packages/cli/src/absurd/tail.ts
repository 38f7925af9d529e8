/** `absurd tail`: what changes while it changes: states of tasks, or the log of one. */
import {
  AbsurdClient,
  ChangeReader,
  type Changes,
  fieldIs,
  type LogLineView,
  type TaskChange,
  type TaskCondition,
} from "@contimg/absurd";
import type { Command } from "commander";
import { z } from "zod";

import { print } from "../output.ts";
import { cutText } from "../terminal.ts";
import { filterHelp, readFilter } from "./filter.ts";
import { interruptible, Patience } from "./interrupt.ts";
import { type AbsurdFlags, absurdCommand, withClient, withPool } from "./settings.ts";
import { formatTime } from "./task-text.ts";

const LOOK_MS = 500;

interface TailFlags extends AbsurdFlags {
  readonly follow: boolean;
}

const EXAMPLES = `
With --json one object a line.

Examples:
  absurd tail
  absurd tail 'name:imaging status:failed,cancelled'
  absurd tail 019a...-...               the log of a task, to its end
  absurd tail 019a...-... --no-follow   the log as it is`;

export function tailCommand(): Command {
  return absurdCommand("tail", "follow changes of state that fit a filter, or the log of one task")
    .argument("[filter...]", "see below; or one task id")
    .option("--no-follow", "of a task: print the log and end")
    .allowUnknownOption() // -tag:test is a term
    .addHelpText("after", `${filterHelp()}\n${EXAMPLES}`)
    .action(tail);
}

async function tail(words: string[], flags: TailFlags): Promise<void> {
  const [word = ""] = words;
  if (words.length === 1 && z.guid().safeParse(word).success) await printLog(word, flags);
  else await followChanges(readFilter(words), flags);
}

async function printLog(taskId: string, flags: TailFlags): Promise<void> {
  await withClient(flags, async (client) => {
    await client.show(taskId);
    if (flags.follow) {
      await followLog(client, taskId, flags);
      return;
    }
    let after: string | undefined;
    while (true) {
      const lines = await client.steps.readLog(taskId, { after });
      for (const line of lines) printLine(line, flags);
      if (lines.length === 0) return;
      after = lines.at(-1)!.line;
    }
  });
}

async function followLog(client: AbsurdClient, taskId: string, flags: TailFlags): Promise<void> {
  let after = "0";
  await interruptible(async (signal, pause) => {
    const patience = new Patience({ hasLooked: true });
    const follow = async (): Promise<void> => {
      try {
        for await (const line of client.steps.followLog(taskId, { after, signal })) {
          printLine(line, flags);
          after = line.line;
        }
      } catch (error) {
        if (!signal.aborted) throw error;
      }
    };
    while (!signal.aborted && !(await patience.look(follow))) await pause(LOOK_MS);
  });
}

function printLine(line: LogLineView, flags: TailFlags): void {
  print(flags.json ?? false, line, () => {
    const { at, level, attempt, message, fields } = line;
    const rest = fields === null ? "" : ` ${JSON.stringify(fields)}`;
    return `${at.toISOString()} ${level.padEnd(5)} #${attempt} ${message}${rest}`;
  });
}

async function followChanges(asked: readonly TaskCondition[], flags: TailFlags): Promise<void> {
  await withPool(flags, async (pool) => {
    const client = new AbsurdClient(pool);
    const reader = new ChangeReader(pool);
    await interruptible(async (signal, pause) => {
      const patience = new Patience();
      // A reader tells each change once: what is read is kept until it is printed.
      const kept: { unsaid?: Changes | undefined; hasMore: boolean } = { hasMore: false };
      while (!signal.aborted) {
        await patience.look(async () => {
          kept.hasMore = false;
          kept.unsaid ??= await reader.read();
          const { changes, gap, more } = kept.unsaid;
          for (const change of await fitting(client, asked, changes)) printChange(change, flags);
          if (gap) process.stderr.write("absurd: more changed at once than is told here\n");
          [kept.unsaid, kept.hasMore] = [undefined, more];
        });
        if (!kept.hasMore) await pause(LOOK_MS);
      }
    });
  });
}

/** A change says its own state; what else a filter is about is asked of the task as it is now. */
async function fitting(
  client: AbsurdClient,
  asked: readonly TaskCondition[],
  changes: readonly TaskChange[],
): Promise<readonly TaskChange[]> {
  const statuses = asked.filter((each) => each.field === "status");
  const others = asked.filter((each) => each.field !== "status");
  const told = changes.filter((change) =>
    statuses.every(({ values, not }) => values.includes(change.status) !== not),
  );
  if (others.length === 0 || told.length === 0) return told;
  const ids = [...new Set(told.map((change) => change.taskId))];
  const conditions = [...others, fieldIs("id", ...ids)];
  const { tasks } = await client.list({ conditions }, { limit: ids.length, searchMs: 5_000 });
  const fit = new Set(tasks.map((task) => task.taskId));
  return told.filter((change) => fit.has(change.taskId));
}

function printChange(change: TaskChange, flags: TailFlags): void {
  print(flags.json ?? false, change, () => {
    const { at, status, taskId, taskName, attempt, queue, workerName, error } = change;
    const what = error ?? (workerName === null ? "" : `by ${workerName}`);
    const line = `${formatTime(at)}  ${status.padEnd(9)}  ${taskId}  ${taskName} #${attempt}  ${queue}  ${what}`;
    const flat = line.replaceAll("\n", " ").trimEnd();
    return process.stdout.isTTY ? cutText(flat, process.stdout.columns) : flat;
  });
}
