/** `absurd stats`: what there is now, and with --since what ended when and how fast. */
import type { Spread, StatsStep } from "@contimg/absurd";
import type { Command } from "commander";

import { UsageError } from "../failure.ts";
import { formatTable } from "../terminal.ts";
import { printList } from "./list.ts";
import { type AbsurdFlags, absurdCommand } from "./settings.ts";
import { formatStats, formatTime } from "./task-text.ts";
import { parseSpan } from "./time-argument.ts";

interface StatsFlags extends AbsurdFlags {
  readonly since?: number;
  readonly step: number;
  readonly name?: string;
}

const EXAMPLES = `
Examples:
  absurd stats
  absurd stats --since 24h
  absurd stats --since 30d --step 24h --name imaging`;

export function statsCommand(): Command {
  return absurdCommand("stats", "count tasks by queue and status, or report what ended")
    .option("--queue <name>", "only of this queue")
    .option("--since <span>", "report what ended since, such as 24h", parseSpan)
    .option("--step <span>", "of --since: whole hours", parseSpan, 3_600)
    .option("--name <task name>", "of --since: only of this name")
    .addHelpText("after", EXAMPLES)
    .action(stats);
}

async function stats(flags: StatsFlags): Promise<void> {
  const { since, step: stepSeconds, queue, name } = flags;
  if (since === undefined) {
    return printList(flags, "queues", (client) => client.stats(queue), formatStats);
  }
  if (stepSeconds % 3_600 !== 0)
    throw new UsageError(`--step is ${stepSeconds} s, expected whole hours`);
  const wanted = {
    from: new Date(Date.now() - since * 1000),
    stepSeconds,
    ...(queue === undefined ? {} : { queue }),
    ...(name === undefined ? {} : { taskName: name }),
  };
  await printList(flags, "steps", (client) => client.history.stats(wanted), formatSteps);
}

function formatSteps(steps: readonly StatsStep[]): string {
  return formatTable(
    [
      "SINCE",
      "QUEUE",
      "NAME",
      "DONE",
      "FAILED",
      "CANCELLED",
      "WAIT p50/p95 s",
      "RUN p50/p95/p99 s",
    ],
    steps.map((each) => [
      formatTime(each.since),
      each.queue ?? "",
      each.taskName ?? "",
      each.completed,
      each.failed,
      each.cancelled,
      formatSpread(each.wait, ["p50", "p95"]),
      formatSpread(each.run, ["p50", "p95", "p99"]),
    ]),
  );
}

function formatSpread(spread: Spread | null, parts: readonly ("p50" | "p95" | "p99")[]): string {
  return spread === null ? "" : parts.map((part) => spread[part].toPrecision(3)).join(" / ");
}
