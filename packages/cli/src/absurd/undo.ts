/** `absurd undo`: takes an action on many tasks back, whoever began it and where. */
import type { BulkAction, UndoPreview } from "@contimg/contract";

import type { Command } from "commander";

import { UsageError } from "../failure.ts";
import { print } from "../output.ts";
import { formatTable } from "../terminal.ts";
import { actCommand, type ReasonFlags, withOperator } from "./operator.ts";

interface UndoFlags extends ReasonFlags {
  readonly dryRun?: boolean;
}

const LISTED = 20;
const EXAMPLES = `
Tasks that have run since, or were changed otherwise, stay as they are.
A running task that was told to stop is not told otherwise.

Examples:
  absurd undo                                        the last actions on many tasks
  absurd undo 5f0e...-... --dry-run                  what it would take back
  absurd undo 5f0e...-... --reason "wrong night"`;

export function undoCommand(): Command {
  return actCommand("undo", "take an action on many tasks back; without id: list them")
    .argument("[action id]", "as printed by cancel, retry, dlq and the dashboard")
    .option("--dry-run", "say which tasks can still be taken back, and do nothing")
    .addHelpText("after", EXAMPLES)
    .action((bulkId: string | undefined, flags: UndoFlags) =>
      bulkId === undefined ? list(flags) : undo(bulkId, flags),
    );
}

async function list(flags: ReasonFlags): Promise<void> {
  const actions = await withOperator(flags, (operator) => operator.recent(LISTED));
  print(flags.json ?? false, { actions }, () => formatActions(actions));
}

function formatActions(actions: readonly BulkAction[]): string {
  return formatTable(
    ["ACTION", "ID", "STATE", "TASKS", "DONE", "UNDONE", "BY", "AT", "FILTER", "REASON"],
    actions.map((each) => [
      ...[each.action, each.bulk_id, each.state, each.total, each.done, each.undone, each.actor],
      ...[`${each.created_at.slice(0, 19)}Z`, each.q ?? "named tasks", each.reason],
    ]),
  );
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

async function undo(bulkId: string, flags: UndoFlags): Promise<void> {
  if (!UUID.test(bulkId)) {
    throw new UsageError(`action id is "${bulkId}", expected a UUID; see: absurd undo`);
  }
  if (flags.dryRun) {
    const found = await withOperator(flags, (operator) => operator.previewUndo(bulkId));
    const preview = found ?? nothingToUndo(bulkId);
    print(flags.json ?? false, { dryRun: true, ...preview }, () => formatPreview(preview));
    return;
  }
  const undone =
    (await withOperator(flags, (operator) => operator.undo(bulkId, flags.reason))) ??
    nothingToUndo(bulkId);
  const { bulk } = undone;
  print(
    flags.json ?? false,
    { action: bulk },
    () => `${bulk.undone} of ${bulk.done} taken back; the others have gone on since`,
  );
}

function nothingToUndo(bulkId: string): never {
  throw new UsageError(`no action ${bulkId}, or it is undone already; see: absurd undo`);
}

function formatPreview(preview: UndoPreview): string {
  const { undoable, gone_on: goneOn, beyond } = preview;
  return [
    ...preview.undoable_ids.map((taskId) => `${taskId} would be taken back`),
    ...preview.gone_on_ids.map((taskId) => `${taskId} has gone on since`),
    `${undoable} would be taken back, ${goneOn} have gone on since`,
    ...(beyond > 0
      ? [`${beyond} ran and were told to stop, or were changed too long ago: they stay as they are`]
      : []),
  ].join("\n");
}
