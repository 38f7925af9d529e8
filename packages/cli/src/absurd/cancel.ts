/** `absurd cancel`, `absurd retry`: tasks by id, or all that fit a filter. */
import { type AbsurdClient, fieldIs, type TaskCondition, type TaskStatus } from "@contimg/absurd";
import type { BulkOutcome, Deed, Operator } from "@contimg/api";
import type { Command } from "commander";

import { UsageError } from "../failure.ts";
import { wholeNumberIn } from "../number-argument.ts";
import { print } from "../output.ts";
import { filterHelp, filterText, findTasks, readFilter } from "./filter.ts";
import { undoHint, withOperator } from "./operator.ts";
import { type AbsurdFlags, absurdCommand } from "./settings.ts";
import { formatTasks } from "./task-text.ts";

interface ManyFlags extends AbsurdFlags {
  readonly filter?: string;
  readonly dryRun?: boolean;
  readonly limit: number;
}

interface RetryFlags extends ManyFlags {
  readonly fromStep?: string;
  readonly reason?: string;
}

const CANCEL_EXAMPLES = `
Examples:
  absurd cancel 019a...-... --reason "wrong field"
  absurd cancel --filter 'name:imaging tag:night-17' --dry-run
  absurd cancel --filter 'queue:mail status:pending' --reason "sent by hand"`;

const RETRY_EXAMPLES = `
Tasks that were cancelled because one of these failed start anew, too.
Without --from-step what the steps of a task gave is kept; see: absurd steps
What --filter did without --from-step can be taken back; see: absurd undo

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
        action: "cancel",
        statuses: ["pending", "claimed", "retrying"],
        done: "cancelled or told to stop",
        skipped: "had ended already",
        reason: flags.reason,
        change: async (client, taskId) =>
          (await client.cancel(taskId, flags.reason)) ? "cancelled" : "had ended already",
      }),
    );
}

export function retryCommand(): Command {
  return manyCommand("retry", "give failed or cancelled tasks a new start, with all attempts")
    .option("--from-step <name>", "replay what came before this step; do it and the rest again")
    .option("--reason <text>", "why; the audit log shows it")
    .addHelpText("after", `${filterHelp()}\n${RETRY_EXAMPLES}`)
    .action((taskIds: string[], flags: RetryFlags) =>
      changeMany(taskIds, flags, {
        action: "retry",
        statuses: ["failed", "cancelled"],
        done: "retried",
        skipped: "left alone: it is neither failed nor cancelled any more",
        reason: flags.reason,
        fromStep: flags.fromStep,
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
  readonly action: "cancel" | "retry";
  /** Of the tasks that it can be done to. */
  readonly statuses: readonly TaskStatus[];
  readonly done: string;
  readonly skipped: string;
  readonly reason: string | undefined;
  /** Steps are one task's own. */
  readonly fromStep?: string | undefined;
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
  change: Change,
): Promise<void> {
  const tasks = await withOperator(flags, async (operator, client) => {
    const results: Changed[] = [];
    for (const taskId of taskIds) {
      const what = await operator.audited(deedOf(taskId, change), () =>
        change.change(client, taskId),
      );
      results.push({ taskId, what });
    }
    return results;
  });
  print(flags.json ?? false, { tasks }, () =>
    tasks.map(({ taskId, what }) => `${taskId} ${what}`).join("\n"),
  );
}

function deedOf(taskId: string, { action, reason, fromStep }: Change): Deed {
  const route = action === "cancel" ? "cancelTask" : "retryTask";
  return { action: route, target: taskId, reason, detail: { reason, from_step: fromStep } };
}

async function changeByFilter(filter: string, flags: ManyFlags, change: Change): Promise<void> {
  const asked = readFilter([filter]);
  if (asked.length === 0) {
    throw new UsageError('--filter is empty, expected a condition; of every task: "age>=0s"');
  }
  const conditions: TaskCondition[] = [...asked, fieldIs("status", ...change.statuses)];
  await withOperator(flags, async (operator, client) => {
    const found = await findTasks(client, conditions, flags.limit);
    const dryRun = flags.dryRun ?? false;
    if (dryRun) {
      print(flags.json ?? false, { dryRun, tasks: found }, () =>
        [formatTasks(found), `${found.length} would be ${change.done}`].join("\n"),
      );
      return;
    }
    const ids = found.map(({ taskId }) => taskId);
    const text = filterText(conditions);
    const { tasks, action, hint } =
      change.fromStep === undefined
        ? await asOneAction(operator, ids, text, change)
        : await oneByOne(operator, client, ids, change);
    print(flags.json ?? false, { dryRun, filter: text, action, tasks }, () =>
      [
        ...tasks.map(({ taskId, what }) => `${taskId} ${what}`),
        `${tasks.length} ${change.done}`,
        ...(hint === undefined ? [] : [hint]),
      ].join("\n"),
    );
  });
}

interface ChangedMany {
  readonly tasks: readonly Changed[];
  readonly action?: BulkOutcome["bulk"];
  readonly hint?: string;
}

/** As the dashboard does it. */
async function asOneAction(
  operator: Operator,
  taskIds: readonly string[],
  filter: string,
  { action, done, skipped, reason = `${action} by filter` }: Change,
): Promise<ChangedMany> {
  if (taskIds.length === 0) return { tasks: [] };
  const outcome = await operator.changeMany({ action, q: filter, taskIds, reason });
  const tasks = outcome.items.map(({ taskId, state }) => ({
    taskId,
    what: state === "done" ? done : skipped,
  }));
  return { tasks, action: outcome.bulk, hint: undoHint(outcome) };
}

async function oneByOne(
  operator: Operator,
  client: AbsurdClient,
  taskIds: readonly string[],
  change: Change,
): Promise<ChangedMany> {
  const tasks: Changed[] = [];
  for (const taskId of taskIds) {
    tasks.push({
      taskId,
      what: await operator.audited(deedOf(taskId, change), () => triedOn(client, taskId, change)),
    });
  }
  return { tasks };
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

const SKIPPED = new Set(["InvalidTransition", "TaskNotFound", "StepNotFound"]);
