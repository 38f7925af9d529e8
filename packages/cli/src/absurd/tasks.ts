/** `absurd tasks`, `absurd task`: looking at tasks. */
import {
  type AbsurdClient,
  type AttemptView,
  fieldIs,
  type TaskPage,
  type TaskPlace,
  type TaskView,
} from "@contimg/absurd";
import type { Command } from "commander";
import { z } from "zod";

import { UsageError } from "../failure.ts";
import { wholeNumberIn } from "../number-argument.ts";
import { print } from "../output.ts";
import { filterHelp, readFilter } from "./filter.ts";
import { type AbsurdFlags, absurdCommand, readSettings, withClient } from "./settings.ts";
import { formatTasks, formatTime } from "./task-text.ts";
import { printAgain, type WatchFlags, watchOption } from "./watch.ts";

interface ListFlags extends AbsurdFlags, WatchFlags {
  readonly limit: number;
  readonly cursor?: string;
}

const EXAMPLES = `
Examples:
  absurd tasks 'status:failed name:imaging age>2h -tag:test'
  absurd tasks status:claimed --watch
  absurd tasks 'message:~"no space" created>yesterday' --json`;

export function tasksCommand(): Command {
  return absurdCommand("tasks", "list the tasks that fit a filter, newest first")
    .argument("[filter...]", "see below; default: every task")
    .option("--queue <name>", "the same as queue:NAME [ABSURD_QUEUE_NAME]")
    .option("--limit <count>", "tasks a page", wholeNumberIn(1, 10_000), 50)
    .option("--cursor <task id>", "go on after this task")
    .addOption(watchOption())
    .allowUnknownOption() // -tag:test is a term
    .addHelpText("after", `${filterHelp()}\n${EXAMPLES}`)
    .action(list);
}

async function list(words: string[], flags: ListFlags): Promise<void> {
  const cursor = uuidFlag("--cursor", flags.cursor);
  const { queue } = readSettings(flags);
  await withClient(flags, (client) =>
    printAgain(flags, async () => {
      // Again each time, since -2h is from now.
      const asked = readFilter(words);
      const conditions = queue === undefined ? asked : [...asked, fieldIs("queue", queue)];
      const page = await readPage(client, { conditions }, { limit: flags.limit, cursor });
      return flags.json ? JSON.stringify(page) : pageText(page);
    }),
  );
}

/** A search that its budget cut before it found anything goes on: a person wants an answer. */
async function readPage(
  client: AbsurdClient,
  filter: Parameters<AbsurdClient["list"]>[0],
  page: { readonly limit: number; readonly cursor: string | undefined },
): Promise<TaskPage> {
  let read = await client.list(filter, page);
  while (!read.complete && read.cursor !== undefined && read.tasks.length < page.limit) {
    const more = await client.list(filter, {
      limit: page.limit - read.tasks.length,
      cursor: read.cursor,
    });
    sayHowFar(read.scannedTo);
    read = { ...more, tasks: [...read.tasks, ...more.tasks] };
  }
  return read;
}

/** A long search shows that it lives, to a person at a terminal. */
function sayHowFar(scannedTo: Date | null): void {
  if (!process.stderr.isTTY || scannedTo === null) return;
  process.stderr.write(`\u001b[2K\rsearched back to ${formatTime(scannedTo)}\r`);
}

function pageText(page: TaskPage): string {
  const more = page.cursor === undefined ? "" : `\nmore: --cursor ${page.cursor}`;
  return (page.tasks.length === 0 ? "no task fits" : formatTasks(page.tasks)) + more;
}

function uuidFlag(flag: string, text: string | undefined): string | undefined {
  if (text === undefined || z.guid().safeParse(text).success) return text;
  throw new UsageError(`${flag} is "${text}", expected a UUID`);
}

export function taskCommand(): Command {
  return absurdCommand("task", "show one task: where it is, its attempts, params and result")
    .argument("<task id>", "a UUID, as printed by spawn and tasks")
    .action(async (taskId: string, flags: AbsurdFlags) => {
      const task = await withClient(flags, (client) => client.show(taskId));
      print(flags.json ?? false, task, () => formatTask(task));
    });
}

function formatTask(
  task: TaskView & { place: TaskPlace; attempts: readonly AttemptView[] },
): string {
  const { place } = task;
  const details: Readonly<Record<string, string>> = {
    deferred: `due at ${formatTime(place.runAt)}`,
    waiting:
      place.awaitedEvent === null
        ? `${place.unmetCount ?? 0} of ${task.dependsOn.length} dependencies are not done`
        : `for event ${place.awaitedEvent}`,
    parked: "waits at its gates; see: absurd limits list",
    lease: `held by ${task.workerName ?? ""} since ${formatTime(task.claimedAt)}`,
  };
  const lines: [string, string | undefined][] = [
    ["task", task.taskId],
    ["name", task.taskName],
    ["queue", `${task.queue}, priority ${task.priority}`],
    [
      "status",
      `${task.status} (${[place.place, details[place.place]].filter(Boolean).join(": ")})`,
    ],
    ["progress", place.progress ? progressText(place.progress) : undefined],
    ["attempts", `${task.attempt} of ${task.maxRetries + 1}`],
    ["created", formatTime(task.createdAt)],
    ["ended", task.completedAt ? formatTime(task.completedAt) : undefined],
    ["depends on", task.dependsOn.join(" ") || undefined],
    ["tags", task.tags.join(" ") || undefined],
    ["params", JSON.stringify(task.params)],
    ["result", task.result === null ? undefined : JSON.stringify(task.result)],
    ["error", task.error ? `${task.error.tag}: ${task.error.message}` : undefined],
  ];
  const attempts = task.attempts.map(
    (each) =>
      `  ${each.attempt}  ${formatTime(each.finishedAt)}  ${each.ending}  ${each.error?.message ?? ""}`,
  );
  return [
    ...lines.flatMap(([name, value]) =>
      value === undefined ? [] : [`${name.padEnd(11)}${value}`],
    ),
    ...attempts,
  ].join("\n");
}

function progressText(progress: { fraction: number; note: string }): string {
  return `${(100 * progress.fraction).toFixed(0)} % ${progress.note}`;
}
