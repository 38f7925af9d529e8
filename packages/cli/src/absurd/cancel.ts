/** `absurd cancel`: tasks by id, or all that a filter is about. */
import type { CancelFilter } from "@contimg/absurd";
import type { Command } from "commander";

import { UsageError } from "../failure.ts";
import { wholeNumberIn } from "../number-argument.ts";
import { print } from "../output.ts";
import { type AbsurdFlags, absurdCommand, withClient } from "./settings.ts";
import { parseTime } from "./time-flag.ts";

interface CancelFlags extends AbsurdFlags {
  readonly reason: string;
  readonly name?: string;
  readonly tag?: string;
  readonly correlation?: string;
  readonly workflow?: string;
  readonly createdFrom?: Date;
  readonly createdTo?: Date;
  readonly waitingOnly?: boolean;
  readonly dryRun?: boolean;
  readonly limit: number;
}

const EXAMPLES = `
Examples:
  absurd cancel 019a...-... --reason "wrong field"
  absurd cancel --name imaging --tag night-17 --dry-run
  absurd cancel --queue mail --waiting-only`;

export function cancelCommand(): Command {
  return absurdCommand(
    "cancel",
    "cancel tasks, by id or by filter; those that run are told to stop",
  )
    .argument("[task id...]")
    .option("--queue <name>", "those of this queue")
    .option("--name <task name>", "those of this name")
    .option("--tag <tag>", "those with this tag")
    .option("--correlation <id>", "those with this correlation id")
    .option("--workflow <id>", "those of this workflow")
    .option("--created-from <time>", "those spawned then or later", parseTime)
    .option("--created-to <time>", "those spawned earlier", parseTime)
    .option("--waiting-only", "leave those alone that run")
    .option("--limit <count>", "at most so many, oldest first", wholeNumberIn(1, 1e6), 10_000)
    .option("--dry-run", "say which, and do nothing")
    .option("--reason <text>", "what the task's error will say", "cancelled by request")
    .addHelpText("after", EXAMPLES)
    .action(cancel);
}

async function cancel(taskIds: string[], flags: CancelFlags): Promise<void> {
  const filter: CancelFilter = {
    queue: flags.queue,
    taskName: flags.name,
    tag: flags.tag,
    correlationId: flags.correlation,
    workflowId: flags.workflow,
    createdFrom: flags.createdFrom,
    createdTo: flags.createdTo,
    ...(flags.waitingOnly ? { running: false } : {}),
  };
  const hasFilter = Object.values(filter).some((value) => value !== undefined);
  if (taskIds.length > 0 && (hasFilter || flags.dryRun)) {
    throw new UsageError("task ids and a filter or --dry-run are given, expected one of them");
  }
  if (taskIds.length > 0) await cancelById(taskIds, flags);
  else await cancelByFilter(filter, flags);
}

async function cancelById(taskIds: readonly string[], flags: CancelFlags): Promise<void> {
  const tasks = await withClient(flags, async (client) => {
    const results: { taskId: string; cancelled: boolean }[] = [];
    for (const taskId of taskIds) {
      results.push({ taskId, cancelled: await client.cancel(taskId, flags.reason) });
    }
    return results;
  });
  print(flags.json ?? false, { tasks }, () =>
    tasks
      .map((each) => `${each.taskId} ${each.cancelled ? "cancelled" : "had ended already"}`)
      .join("\n"),
  );
}

async function cancelByFilter(filter: CancelFilter, flags: CancelFlags): Promise<void> {
  const tasks = await withClient(flags, (client) =>
    client.cancelMany(filter, {
      reason: flags.reason,
      limit: flags.limit,
      dryRun: flags.dryRun ?? false,
    }),
  );
  const verb = flags.dryRun ? "would be cancelled" : "cancelled or told to stop";
  print(flags.json ?? false, { dryRun: flags.dryRun ?? false, tasks }, () =>
    [...tasks.map((each) => `${each.taskId} ${each.what}`), `${tasks.length} ${verb}`].join("\n"),
  );
}
