/** `absurd dlq`: tasks that failed for good. */
import {
  type DeadLetter,
  type DeadLetterFilter,
  ERROR_GROUP_STATES,
  type ErrorGroup,
  type ErrorGroupState,
} from "@contimg/absurd";
import type { BulkOutcome } from "@contimg/api";
import { Command, Option } from "commander";
import { z } from "zod";

import { UsageError } from "../failure.ts";
import { readJsonArgument } from "../json-argument.ts";
import { wholeNumberIn } from "../number-argument.ts";
import { print } from "../output.ts";
import { formatTable } from "../terminal.ts";
import { printList } from "./list.ts";
import { act, actCommand, type ReasonFlags, undoHint, withOperator } from "./operator.ts";
import { type AbsurdFlags, absurdCommand } from "./settings.ts";
import { formatTime } from "./task-text.ts";
import { parseTime } from "./time-flag.ts";

interface FilterFlags extends AbsurdFlags {
  readonly name?: string;
  readonly tag?: string;
  readonly errorClass?: string;
  readonly fingerprint?: string;
  readonly correlation?: string;
  readonly failedFrom?: Date;
  readonly failedTo?: Date;
  readonly limit: number;
}

interface BulkFlags extends FilterFlags {
  readonly all?: boolean;
  readonly dryRun?: boolean;
}

const EXAMPLES = `
Examples:
  absurd dlq groups
  absurd dlq list --name imaging --tag OutOfMemory
  absurd dlq replay --fingerprint 4f1d9c0e8a7b6c5d --dry-run
  absurd dlq replay --tag DiskFull --params-patch '{"disk":"/data2"}'
  absurd dlq discard --failed-to 2026-01-01T00:00:00Z --reason "too old"
  absurd dlq group 4f1d9c0e8a7b6c5d --state acknowledged --assignee ann`;

export function dlqCommand(): Command {
  return new Command("dlq")
    .description("look at tasks that failed for good, replay or discard them, group their errors")
    .addCommand(listCommand(), { isDefault: true })
    .addCommand(replayCommand())
    .addCommand(discardCommand())
    .addCommand(groupsCommand())
    .addCommand(groupCommand())
    .addHelpText("after", EXAMPLES);
}

function filterCommand(name: string, description: string, limit: number): Command {
  return absurdCommand(name, description)
    .argument("[task id...]", "only these")
    .option("--queue <name>", "only of this queue")
    .option("--name <task name>", "only of this name")
    .option("--tag <tag>", "only with this tag of the error")
    .option("--error-class <class>", "only with this class of the error")
    .option("--fingerprint <digits>", "only of this group of errors")
    .option("--correlation <id>", "only with this correlation id")
    .option("--failed-from <time>", "only that failed then or later", parseTime)
    .option("--failed-to <time>", "only that failed earlier", parseTime)
    .option(
      "--limit <count>",
      "at most so many, oldest deaths first",
      wholeNumberIn(1, 1e6),
      limit,
    );
}

function bulkCommand(name: string, description: string): Command {
  return filterCommand(name, description, 1000)
    .option("--all", "without a filter: all of them")
    .option("--dry-run", "say which, and do nothing");
}

function filterOf(taskIds: readonly string[], flags: FilterFlags): DeadLetterFilter {
  return {
    taskIds: taskIds.length > 0 ? taskIds : undefined,
    queue: flags.queue,
    taskName: flags.name,
    tag: flags.tag,
    errorClass: flags.errorClass,
    fingerprint: flags.fingerprint,
    correlationId: flags.correlation,
    failedFrom: flags.failedFrom,
    failedTo: flags.failedTo,
  };
}

/** A bulk change without a filter is asked for in words. */
function bulkFilterOf(taskIds: readonly string[], flags: BulkFlags): DeadLetterFilter {
  const filter = filterOf(taskIds, flags);
  if (flags.all || Object.values(filter).some((value) => value !== undefined)) return filter;
  throw new UsageError("no filter is given, expected one, task ids or --all");
}

function listCommand(): Command {
  return filterCommand("list", "list dead tasks, oldest deaths first", 100).action(
    (taskIds: string[], flags: FilterFlags) => {
      const filter = filterOf(taskIds, flags);
      const page = { limit: flags.limit };
      return printList(
        flags,
        "tasks",
        (client) => client.deadLetters.list(filter, page),
        formatDead,
      );
    },
  );
}

function replayCommand(): Command {
  return bulkCommand("replay", "give dead tasks a new start; checkpoints stay")
    .option("--keep-attempts", "with the attempts that are left, at least one, and not all anew")
    .option("--params-patch <json>", "members that replace those of the params; JSON, @file or -")
    .option("--reason <text>", "why; the audit log shows it", "replayed by request")
    .addHelpText("after", "\nWith --keep-attempts or --params-patch it cannot be undone.")
    .action(replay);
}

interface ReplayFlags extends BulkFlags {
  readonly keepAttempts?: boolean;
  readonly paramsPatch?: string;
  readonly reason: string;
}

async function replay(taskIds: string[], flags: ReplayFlags): Promise<void> {
  const filter = bulkFilterOf(taskIds, flags);
  const paramsPatch = flags.paramsPatch === undefined ? {} : await readPatch(flags.paramsPatch);
  const isPlain = !flags.keepAttempts && flags.paramsPatch === undefined;
  if (flags.dryRun || isPlain) await change("retry", filter, flags, "replayed");
  else {
    const options = { limit: flags.limit, resetAttempts: !flags.keepAttempts, ...paramsPatch };
    const { reason } = flags;
    const detail = { filter, reason, ...options };
    const deed = { action: "replayDeadLetters", target: "", reason, detail } as const;
    const replayed = await withOperator(flags, (operator, client) =>
      operator.audited(deed, () => client.deadLetters.replay(filter, options)),
    );
    printBulk(flags, replayed, "replayed");
  }
}

/** One action, as the dashboard does it, on what is dead now. */
async function change(
  action: "retry" | "discard",
  filter: DeadLetterFilter,
  flags: BulkFlags & { readonly reason: string },
  verb: string,
): Promise<void> {
  const { limit, reason } = flags;
  await withOperator(flags, async (operator, client) => {
    const taskIds = await client.deadLetters.find(filter, limit);
    if (flags.dryRun || taskIds.length === 0) {
      printBulk(flags, taskIds, flags.dryRun ? `would be ${verb}` : verb);
      return;
    }
    const outcome = await operator.changeMany({ action, q: null, taskIds, reason });
    const done = outcome.items.filter(({ state }) => state === "done");
    const ids = done.map(({ taskId }) => taskId);
    printBulk(flags, ids, verb, outcome);
  });
}

async function readPatch(
  argument: string,
): Promise<{ paramsPatch: Record<string, z.core.util.JSONType> }> {
  const parsed = z.record(z.string(), z.json()).safeParse(await readJsonArgument(argument));
  if (parsed.success) return { paramsPatch: parsed.data };
  throw new UsageError(`--params-patch is ${argument}, expected an object`);
}

function discardCommand(): Command {
  return bulkCommand("discard", "take dead tasks off the list; they count as cancelled")
    .option("--reason <text>", "what the task's error will say", "discarded by request")
    .action((taskIds: string[], flags: BulkFlags & { readonly reason: string }) =>
      change("discard", bulkFilterOf(taskIds, flags), flags, "discarded"),
    );
}

function printBulk(
  flags: BulkFlags,
  taskIds: readonly string[],
  verb: string,
  outcome?: BulkOutcome,
): void {
  const dryRun = flags.dryRun ?? false;
  print(flags.json ?? false, { dryRun, taskIds, action: outcome?.bulk }, () =>
    [...taskIds, `${taskIds.length} ${verb}`, ...(outcome ? [undoHint(outcome)] : [])].join("\n"),
  );
}

function groupsCommand(): Command {
  return absurdCommand("groups", "group the errors of dead tasks, most tasks first").action(
    (flags: AbsurdFlags) =>
      printList(flags, "groups", (client) => client.deadLetters.groups(), formatGroups),
  );
}

function groupCommand(): Command {
  return actCommand("group", "say something of a group of errors")
    .argument("<fingerprint>", "as printed by groups")
    .addOption(new Option("--state <state>", "what it is now").choices(ERROR_GROUP_STATES))
    .option("--assignee <name>", 'who takes care of it; "" for nobody')
    .option("--note <text>", 'what is known; "" for nothing')
    .action(async (fingerprint: string, flags: GroupFlags) => {
      const { state, assignee, note } = flags;
      if ((state ?? assignee ?? note) === undefined) {
        throw new UsageError("nothing is said, expected --state, --assignee or --note");
      }
      const said = {
        ...(state === undefined ? {} : { state }),
        ...(assignee === undefined ? {} : { assignee }),
        ...(note === undefined ? {} : { note }),
      };
      const deed = { action: "updateFailureGroup", target: fingerprint, detail: said } as const;
      await act(flags, deed, (client) => client.deadLetters.setGroup(fingerprint, said));
      print(flags.json ?? false, { fingerprint }, () => `noted of ${fingerprint}`);
    });
}

interface GroupFlags extends ReasonFlags {
  readonly state?: ErrorGroupState;
  readonly assignee?: string;
  readonly note?: string;
}

function formatDead(tasks: readonly DeadLetter[]): string {
  return formatTable(
    ["TASK", "NAME", "QUEUE", "FAILED", "ATTEMPT", "TAG", "FINGERPRINT", "ERROR"],
    tasks.map((each) => [
      each.taskId,
      each.taskName,
      each.queue,
      formatTime(each.failedAt),
      each.attempt,
      each.error.tag,
      each.fingerprint ?? "",
      firstLine(each.error.message),
    ]),
  );
}

function formatGroups(groups: readonly ErrorGroup[]): string {
  return formatTable(
    ["FINGERPRINT", "TASKS", "NAME", "TAG", "FIRST", "LAST", "STATE", "ASSIGNEE", "EXAMPLE"],
    groups.map((each) => [
      each.fingerprint,
      each.count,
      each.taskName ?? "",
      each.tag ?? "",
      formatTime(each.firstAt),
      formatTime(each.lastAt),
      each.state,
      each.assignee ?? "",
      firstLine(each.example?.message ?? ""),
    ]),
  );
}

function firstLine(text: string): string {
  return (text.split("\n")[0] ?? "").slice(0, 80);
}
