/** `absurd history …`: what there is of history, how long it is kept, and removing it by hand. */
import type { AbsurdClient, HistoryDay } from "@contimg/absurd";
import { Command } from "commander";

import { UsageError } from "../failure.ts";
import { print } from "../output.ts";
import { formatTable } from "../terminal.ts";
import { act, actCommand, type ReasonFlags } from "./operator.ts";
import { type AbsurdFlags, absurdCommand, withClient } from "./settings.ts";
import { parseSpan } from "./time-argument.ts";

const DAY_SECONDS = 86_400;

export function historyCommand(): Command {
  const command = new Command("history").description("what is kept of tasks that ended");
  for (const child of [showCommand(), keepCommand(), pruneCommand()]) command.addCommand(child);
  return command;
}

function showCommand(): Command {
  return absurdCommand(
    "show",
    "count the tasks of each day, and say how long they are kept",
  ).action(async (flags: AbsurdFlags) => {
    const [settings, days] = await withClient(flags, ({ history }) =>
      Promise.all([history.settings(), history.days()]),
    );
    print(flags.json ?? false, { ...settings, days }, () =>
      [
        `tasks are kept for ${settings.retentionDays} days, roll-ups for ${settings.rollupDays}`,
        formatDays(days.filter((each) => each.tasks > 0)),
      ].join("\n"),
    );
  });
}

interface KeepFlags extends ReasonFlags {
  readonly tasks?: number;
  readonly rollups?: number;
}

function keepCommand(): Command {
  return actCommand("keep", "set how long history is kept")
    .option("--tasks <span>", "tasks that ended, such as 30d", parseSpan)
    .option("--rollups <span>", "hourly statistics, such as 400d", parseSpan)
    .addHelpText("after", "\nExamples:\n  absurd history keep --tasks 30d --rollups 400d")
    .action(async (flags: KeepFlags) => {
      const { tasks, rollups } = flags;
      const detail = {
        ...(tasks === undefined ? {} : { retentionDays: wholeDays("--tasks", tasks) }),
        ...(rollups === undefined ? {} : { rollupDays: wholeDays("--rollups", rollups) }),
      };
      const deed = { action: "keepHistory", target: "history", detail } as const;
      const settings = await act(flags, deed, ({ history }) => history.keep(detail));
      print(
        flags.json ?? false,
        settings,
        () =>
          `tasks are kept for ${settings.retentionDays} days, roll-ups for ${settings.rollupDays}`,
      );
    });
}

interface PruneFlags extends ReasonFlags {
  readonly olderThan: number;
  readonly dryRun?: boolean;
}

function pruneCommand(): Command {
  return actCommand("prune", "remove the days of tasks that all ended")
    .requiredOption("--older-than <span>", "such as 30d", parseSpan)
    .option("--dry-run", "say what would go")
    .addHelpText("after", "\nExamples:\n  absurd history prune --older-than 30d --dry-run")
    .action(async (flags: PruneFlags) => {
      const olderThanDays = wholeDays("--older-than", flags.olderThan);
      const dryRun = flags.dryRun ?? false;
      const prune = ({ history }: AbsurdClient) => history.prune({ olderThanDays, dryRun });
      const deed = {
        action: "pruneHistory",
        target: "history",
        detail: { olderThanDays },
      } as const;
      const report = await (dryRun ? withClient(flags, prune) : act(flags, deed, prune));
      print(flags.json ?? false, { ...report, dryRun }, () =>
        [
          `${dryRun ? "would remove" : "removed"} ${report.dropped.length} days`,
          ...(report.dropped.length > 0 ? [formatDays(report.dropped)] : []),
          ...(report.kept.length > 0
            ? ["kept, because of tasks that have not ended:", formatDays(report.kept)]
            : []),
        ].join("\n"),
      );
    });
}

function wholeDays(flag: string, seconds: number): number {
  const days = seconds / DAY_SECONDS;
  if (Number.isInteger(days) && days >= 1) return days;
  throw new UsageError(`${flag} is ${days} days, expected whole days from 1 on, such as 30d`);
}

function formatDays(days: readonly HistoryDay[]): string {
  return formatTable(
    ["DAY", "TASKS", "NOT ENDED", "MiB"],
    days.map((each) => [each.day, each.tasks, each.unended, (each.bytes / 2 ** 20).toFixed(1)]),
  );
}
