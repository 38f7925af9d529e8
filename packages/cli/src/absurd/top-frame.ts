/** One frame of `absurd top`: what is told, cut to a screen. Pure. */
import type { QueueView, TaskSummary, WorkerView } from "@contimg/absurd";

import { cutText, formatDuration, formatTable } from "../terminal.ts";

export const SORTS = ["run", "name", "queue", "worker"] as const;
export type Sort = (typeof SORTS)[number];

export interface RunningTask {
  readonly task: TaskSummary;
  /** Null: it reports none. */
  readonly progress: { readonly fraction: number; readonly note: string } | null;
}

export interface Snapshot {
  readonly at: Date;
  readonly queues: readonly QueueView[];
  readonly workers: readonly WorkerView[];
  readonly running: readonly RunningTask[];
  /** Latest first. */
  readonly failures: readonly TaskSummary[];
}

export interface Screen {
  readonly columns: number;
  readonly rows: number;
}

const KEYS = "q quit  r run time  n name  u queue  w worker  space now";
const BAR_COLUMNS = 10;
/** Of each table: its title, its header and one row. */
const TABLE_ROWS_MIN = 3;

interface Part {
  readonly title: string;
  readonly table: readonly string[];
  /** Its share of the rows that are left. */
  readonly share: number;
}

/** At most `rows` lines of at most `columns` characters. */
export function drawTop(snapshot: Snapshot, { columns, rows }: Screen, sort: Sort): string[] {
  const parts: Part[] = [
    { title: "QUEUES", table: queueTable(snapshot, columns), share: 0.25 },
    { title: "WORKERS", table: workerTable(snapshot.workers, columns), share: 0.25 },
    {
      title: `RUNNING by ${sort}`,
      table: runningTable(snapshot, sort, columns),
      share: 0.5,
    },
    { title: "FAILED last", table: failureTable(snapshot, columns), share: 0.25 },
  ];
  const head = headLine(snapshot);
  const body = fit(parts, rows - 2).flatMap(({ title, table }) => [title, ...table]);
  return [head, ...body.slice(0, Math.max(0, rows - 2)), KEYS]
    .slice(0, rows)
    .map((line) => cutText(line, columns));
}

function headLine({ at, queues, workers, running }: Snapshot): string {
  const sum = (count: (queue: QueueView) => number): number =>
    queues.reduce((total, each) => total + count(each), 0);
  const alive = workers.filter((each) => !isLate(each)).length;
  const slots = workers.reduce((total, each) => total + each.concurrency, 0);
  return [
    `absurd  ${at.toISOString().slice(0, 19)}Z`,
    `${sum((each) => each.ready)} ready`,
    `${sum((each) => each.deferred)} deferred`,
    `${sum((each) => each.waiting)} waiting`,
    `${running.length} running in ${slots} slots`,
    `${alive} of ${workers.length} workers alive`,
  ].join("  ");
}

/** Gives each part its share; what one leaves goes to those that need more. */
function fit(parts: readonly Part[], rows: number): readonly Part[] {
  const wanted = parts.map(({ table }) => table.length + 1);
  const given = wanted.map((want) => Math.min(want, TABLE_ROWS_MIN));
  let left = rows - given.reduce((sum, each) => sum + each, 0);
  while (left > 0) {
    const needy = parts.flatMap((part, index) =>
      given[index]! < wanted[index]! ? [{ index, filled: given[index]! / part.share }] : [],
    );
    const next = needy.toSorted((a, b) => a.filled - b.filled)[0];
    if (!next) break;
    given[next.index]! += 1;
    left -= 1;
  }
  return parts.map((part, index) => ({ ...part, table: cutTable(part.table, given[index]! - 1) }));
}

function cutTable(table: readonly string[], rows: number): readonly string[] {
  if (table.length <= rows) return table;
  return [...table.slice(0, Math.max(0, rows - 1)), `  … ${table.length - rows + 1} more`];
}

function lines(text: string): string[] {
  return text.split("\n");
}

function queueTable({ queues, at }: Snapshot, columns: number): string[] {
  return lines(
    formatTable(
      ["  QUEUE", "READY", "RUNNING", "DEFERRED", "WAITING", "OLDEST", "STATE"],
      queues.map((each) => [
        `  ${each.name}`,
        each.ready,
        each.running,
        each.deferred,
        each.waiting,
        each.oldestAt ? formatDuration(secondsBetween(each.oldestAt, at)) : "",
        each.paused ? "paused" : each.draining ? "draining" : "",
      ]),
      columns,
    ),
  );
}

function workerTable(workers: readonly WorkerView[], columns: number): string[] {
  return lines(
    formatTable(
      ["  WORKER", "ID", "RUNS", "BEAT s", "QUEUES", "STATE"],
      workers.map((each) => [
        `  ${each.name}`,
        each.workerId,
        `${each.tasks.length}/${each.concurrency}`,
        each.beatAgeSeconds.toFixed(1),
        each.queues.join(","),
        isLate(each) ? "LATE" : each.asked === null ? "" : `asked to ${each.asked}`,
      ]),
      columns,
    ),
  );
}

function runningTable({ running, at }: Snapshot, sort: Sort, columns: number): string[] {
  return lines(
    formatTable(
      ["  NAME", "RUNS FOR", "PROGRESS", "NOTE", "QUEUE", "WORKER", "TASK"],
      running
        .toSorted((a, b) => compare(a.task, b.task, sort))
        .map(({ task, progress }) => [
          `  ${task.taskName} #${task.attempt}`,
          task.claimedAt ? formatDuration(secondsBetween(task.claimedAt, at)) : "",
          progress ? bar(progress.fraction) : "",
          progress?.note ?? "",
          task.queue,
          task.workerName ?? "",
          task.taskId,
        ]),
      columns,
    ),
  );
}

function failureTable({ failures, at }: Snapshot, columns: number): string[] {
  return lines(
    formatTable(
      ["  NAME", "AGO", "TAG", "ERROR", "TASK"],
      failures.map((task) => [
        `  ${task.taskName}`,
        task.completedAt ? formatDuration(secondsBetween(task.completedAt, at)) : "",
        task.error?.tag ?? "",
        (task.error?.message ?? "").split("\n")[0]!,
        task.taskId,
      ]),
      columns,
    ),
  );
}

function bar(fraction: number): string {
  const filled = Math.round(Math.min(Math.max(fraction, 0), 1) * BAR_COLUMNS);
  return `${"#".repeat(filled)}${"·".repeat(BAR_COLUMNS - filled)} ${Math.floor(fraction * 100)}%`;
}

/** Those that run longest come first, also among equals. */
function compare(a: TaskSummary, b: TaskSummary, sort: Sort): number {
  const key = (task: TaskSummary): string =>
    ({ run: "", name: task.taskName, queue: task.queue, worker: task.workerName ?? "" })[sort];
  const byKey = key(a).localeCompare(key(b));
  return byKey || (a.claimedAt?.getTime() ?? 0) - (b.claimedAt?.getTime() ?? 0);
}

function isLate(worker: WorkerView): boolean {
  return worker.beatAgeSeconds > worker.leaseSeconds;
}

function secondsBetween(from: Date, to: Date): number {
  return Math.max(0, (to.getTime() - from.getTime()) / 1000);
}
