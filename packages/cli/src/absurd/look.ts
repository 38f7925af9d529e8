/** `absurd list`, `absurd show`: looking at tasks. */
import {
  type AttemptView,
  fieldIs,
  TASK_FIELDS,
  TASK_STATUSES,
  type TaskCondition,
  type TaskField,
  type TaskPlace,
  type TaskView,
} from "@contimg/absurd";
import { type Command, Option } from "commander";
import { z } from "zod";

import { UsageError } from "../failure.ts";
import { wholeNumberIn } from "../number-argument.ts";
import { print } from "../output.ts";
import { type AbsurdFlags, absurdCommand, readSettings, withClient } from "./settings.ts";
import { formatTasks, formatTime } from "./task-text.ts";

interface ListFlags extends AbsurdFlags {
  readonly status?: TaskView["status"];
  readonly name?: string;
  readonly tag?: string;
  readonly correlation?: string;
  readonly workflow?: string;
  readonly limit: number;
  readonly cursor?: string;
}

export function listCommand(): Command {
  return absurdCommand("list", "list tasks, newest first")
    .option("--queue <name>", "only of this queue [ABSURD_QUEUE_NAME]")
    .addOption(new Option("--status <status>", "only with this status").choices(TASK_STATUSES))
    .option("--name <task name>", "only of this name")
    .option("--tag <tag>", "only with this tag")
    .option("--correlation <id>", "only with this correlation id")
    .option("--workflow <id>", "only of this workflow")
    .option("--limit <count>", "tasks a page", wholeNumberIn(1, 10_000), 50)
    .option("--cursor <task id>", "go on after this task")
    .addHelpText(
      "after",
      "\nExamples:\n  absurd list --status failed\n  absurd list --name imaging --json",
    )
    .action(list);
}

async function list(flags: ListFlags): Promise<void> {
  const workflow = uuidFlag("--workflow", flags.workflow);
  const cursor = uuidFlag("--cursor", flags.cursor);
  const { queue } = readSettings(flags);
  const asked = {
    queue,
    status: flags.status,
    name: flags.name,
    tag: flags.tag,
    correlation: flags.correlation,
    workflow,
  };
  const page = await withClient(flags, (client) =>
    client.list({ conditions: conditionsOf(asked) }, { limit: flags.limit, cursor }),
  );
  print(flags.json ?? false, page, () => {
    const more = page.cursor === undefined ? "" : `\nmore: --cursor ${page.cursor}`;
    return formatTasks(page.tasks) + more;
  });
}

/** One condition for each field that was asked for. */
function conditionsOf(
  asked: Readonly<Partial<Record<TaskField, string | undefined>>>,
): TaskCondition[] {
  return TASK_FIELDS.flatMap((field) => {
    const value = asked[field];
    return value === undefined ? [] : [fieldIs(field, value)];
  });
}

function uuidFlag(flag: string, text: string | undefined): string | undefined {
  if (text === undefined || z.guid().safeParse(text).success) return text;
  throw new UsageError(`${flag} is "${text}", expected a UUID`);
}

export function showCommand(): Command {
  return absurdCommand("show", "show one task: where it is, its attempts, params and result")
    .argument("<task id>", "a UUID, as printed by spawn and list")
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
