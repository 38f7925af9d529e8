/** `absurd cancel`, `absurd retry`: tasks by id, or all that fit a filter. */
import { randomUUID } from "node:crypto";

import {
  type AbsurdClient,
  type BulkChangeAction,
  type ChangedTask,
  fieldIs,
  type TaskCondition,
  type TaskStatus,
  type TaskSummary,
} from "@contimg/absurd";
import type { Command } from "commander";

import { UsageError } from "../failure.ts";
import { wholeNumberIn } from "../number-argument.ts";
import { print } from "../output.ts";
import { filterHelp, filterText, findTasks, readFilter } from "./filter.ts";
import { type AbsurdFlags, absurdCommand, withClient } from "./settings.ts";
import { formatTasks } from "./task-text.ts";

interface ManyFlags extends AbsurdFlags {
  readonly filter?: string;
  readonly dryRun?: boolean;
  readonly limit: number;
}

const CANCEL_EXAMPLES = `
Examples:
  absurd cancel 019a...-... --reason "wrong field"
  absurd cancel --filter 'name:imaging tag:night-17' --dry-run
  absurd cancel --filter 'queue:mail status:pending' --reason "sent by hand"`;

const RETRY_EXAMPLES = `
Tasks that were cancelled because one of these failed start anew, too.
Without --from-step what the steps of a task gave is kept; see: absurd steps

Examples:
  absurd retry 019a...
  absurd retry 019a... --from-step solve#2
  absurd retry --filter 'status:failed error:DiskFull ended>-12h' --dry-run`;

function manyCommand(name: string, description: string): Command {
  return absurdCommand(name, description)
    .argument("[task id...]", "UUIDs, as printed by spawn and tasks")
    .option("--filter <filter>", "instead of ids: all tasks that fit; see below")
    .option("--dry-run", "of --filter: say which, and do nothing")
    .option("--limit <count>", "of --filter: at most so many", wholeNumberIn(1, 1e6), 10_000);
}

export function cancelCommand(): Command {
  return manyCommand("cancel", "cancel tasks; those that run are told to stop")
    .option("--reason <text>", "what the task's error will say", "cancelled by request")
    .addHelpText("after", `${filterHelp()}\n${CANCEL_EXAMPLES}`)
    .action((taskIds: string[], flags: ManyFlags & { readonly reason: string }) =>
      changeMany(taskIds, flags, {
        statuses: ["pending", "claimed", "retrying"],
        done: "cancelled or told to stop",
        many: { action: "cancel", reason: flags.reason },
        change: async (client, taskId) =>
          (await client.cancel(taskId, flags.reason)) ? "cancelled" : "had ended already",
      }),
    );
}

export function retryCommand(): Command {
  return manyCommand("retry", "give failed or cancelled tasks a new start, with all attempts")
    .option("--from-step <name>", "replay what came before this step; do it and the rest again")
    .addHelpText("after", `${filterHelp()}\n${RETRY_EXAMPLES}`)
    .action((taskIds: string[], flags: ManyFlags & { readonly fromStep?: string }) =>
      changeMany(taskIds, flags, {
        statuses: ["failed", "cancelled"],
        done: "retried",
        // Steps are one task's own.
        many: flags.fromStep === undefined ? { action: "retry" } : undefined,
        change: async (client, taskId) => {
          if (flags.fromStep === undefined) await client.retry(taskId);
          else await client.steps.rerunFrom(taskId, flags.fromStep);
          return "retried";
        },
      }),
    );
}

interface Changed {
  readonly taskId: string;
  readonly what: string;
}

interface Change {
  /** Of the tasks that it can be done to. */
  readonly statuses: readonly TaskStatus[];
  readonly done: string;
  /** The same, hundreds at a time; absent: it is of one task. */
  readonly many:
    { readonly action: keyof typeof WORDS; readonly reason?: string | undefined } | undefined;
  /** Says what became of the task. */
  readonly change: (client: AbsurdClient, taskId: string) => Promise<string>;
}

async function changeMany(
  taskIds: readonly string[],
  flags: ManyFlags,
  change: Change,
): Promise<void> {
  if (taskIds.length > 0 === (flags.filter !== undefined)) {
    throw new UsageError("expected task ids or --filter, one of the two");
  }
  if (taskIds.length > 0 && flags.dryRun) {
    throw new UsageError("--dry-run is for --filter; task ids say what they are");
  }
  if (flags.filter === undefined) await changeById(taskIds, flags, change);
  else await changeByFilter(flags.filter, flags, change);
}

async function changeById(
  taskIds: readonly string[],
  flags: ManyFlags,
  { change }: Change,
): Promise<void> {
  const tasks = await withClient(flags, async (client) => {
    const results: Changed[] = [];
    for (const taskId of taskIds) results.push({ taskId, what: await change(client, taskId) });
    return results;
  });
  print(flags.json ?? false, { tasks }, () =>
    tasks.map(({ taskId, what }) => `${taskId} ${what}`).join("\n"),
  );
}

async function changeByFilter(filter: string, flags: ManyFlags, change: Change): Promise<void> {
  const asked = readFilter([filter]);
  if (asked.length === 0) {
    throw new UsageError('--filter is empty, expected a condition; of every task: "age>=0s"');
  }
  const conditions: TaskCondition[] = [...asked, fieldIs("status", ...change.statuses)];
  await withClient(flags, async (client) => {
    const found = await findTasks(client, conditions, flags.limit);
    const dryRun = flags.dryRun ?? false;
    if (dryRun) {
      print(flags.json ?? false, { dryRun, tasks: found }, () =>
        [formatTasks(found), `${found.length} would be ${change.done}`].join("\n"),
      );
      return;
    }
    const ids = inOrder(found).map(({ taskId }) => taskId);
    const tasks = await changeAll(client, ids, change);
    print(flags.json ?? false, { dryRun, filter: filterText(conditions), tasks }, () =>
      [
        ...tasks.map(({ taskId, what }) => `${taskId} ${what}`),
        `${tasks.length} ${change.done}`,
      ].join("\n"),
    );
  });
}

async function changeAll(
  client: AbsurdClient,
  taskIds: readonly string[],
  change: Change,
): Promise<Changed[]> {
  const tasks: Changed[] = [];
  if (change.many === undefined) {
    for (const taskId of taskIds) {
      tasks.push({ taskId, what: await triedOn(client, taskId, change) });
    }
    return tasks;
  }
  const order = { ...change.many, batch: randomUUID() };
  for await (const changed of client.changeMany(taskIds, order)) {
    tasks.push(...changed.map(({ taskId, what }) => ({ taskId, what: WORDS[order.action][what] })));
  }
  return tasks;
}

/**
 * Oldest first: they have waited longest. Those that run last: where one of them ends, its worker
 * would take the next, which is to be cancelled as well.
 */
function inOrder(newestFirst: readonly TaskSummary[]): readonly TaskSummary[] {
  const runs = (task: TaskSummary): number => (task.status === "claimed" ? 1 : 0);
  return newestFirst.toReversed().sort((a, b) => runs(a) - runs(b));
}

/** A task that moved on since it was found is no reason to leave the others as they are. */
async function triedOn(client: AbsurdClient, taskId: string, { change }: Change): Promise<string> {
  try {
    return await change(client, taskId);
  } catch (error) {
    if (error instanceof Error && SKIPPED.has(error.name)) return `left alone: ${error.message}`;
    throw error;
  }
}

const WORDS = {
  cancel: {
    done: "cancelled",
    requested: "was told to stop",
    refused: "had ended already",
    unknown: "is gone",
  },
  retry: {
    done: "retried",
    requested: "retried",
    refused: "left alone: it is neither failed nor cancelled any more",
    unknown: "is gone",
  },
} satisfies Partial<Record<BulkChangeAction, Record<ChangedTask["what"], string>>>;

const SKIPPED = new Set(["InvalidTransition", "TaskNotFound", "StepNotFound"]);
