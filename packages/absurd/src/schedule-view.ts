/** Schedules and their firings as programs see them, made from the rows of the database. */
import { type ScheduleSpec, planFirings, specFromWire } from "./schedule-instants.ts";
import type { Json } from "./task.ts";
import { taskUuid } from "./task-id.ts";

export const OVERLAPS = ["skip", "bufferOne", "bufferAll", "cancelOther", "allow"] as const;

/** What to do when an instant comes while an earlier firing's task has not ended. */
export type Overlap = (typeof OVERLAPS)[number];

export interface ScheduleView {
  readonly name: string;
  /** Null when it was written in SQL and is none; `error` says why once the leader looked. */
  readonly spec: ScheduleSpec | null;
  /** As absurd.create_schedule takes it. */
  readonly spawn: Readonly<Record<string, Json>>;
  readonly overlap: Overlap;
  readonly catchUp: "all" | "last";
  readonly catchUpSeconds: number;
  readonly jitterSeconds: number;
  readonly startsAt: Date | null;
  readonly endsAt: Date | null;
  readonly remaining: number | null;
  readonly paused: boolean;
  readonly note: string | null;
  /** The last instant that spawned; null: none of those that are still known. */
  readonly lastAt: Date | null;
  /** Null: paused, or over. */
  readonly nextAt: Date | null;
  /** Why the last try to fire it failed. */
  readonly error: string | null;
  readonly createdAt: Date;
}

export interface FireView {
  readonly fireAt: Date;
  readonly origin: "schedule" | "trigger" | "backfill";
  readonly state: "spawned" | "buffered" | "skipped" | "missed" | "failed";
  readonly taskId: string | null;
  /** Of a schedule with a template. */
  readonly workflowId: string | null;
  /** A missed row stands for all instants from fireAt to before this one. */
  readonly missedBefore: Date | null;
  readonly reason: string | null;
  readonly decidedAt: Date;
}

/** A row of absurd.schedule, and the time at which it was read. */
export interface ScheduleRow {
  name: string;
  spec: unknown;
  spawn: Record<string, Json>;
  overlap: Overlap;
  catch_up: "all" | "last";
  catch_up_seconds: number;
  jitter_seconds: number;
  starts_at: Date | null;
  ends_at: Date | null;
  remaining: number | null;
  paused: boolean;
  note: string | null;
  considered_at: Date;
  due_at: Date | null;
  error: string | null;
  created_at: Date;
  last_at: Date | null;
  now: Date;
}

/** What a ScheduleRow is read with; the caller adds a condition and an order. */
export const SCHEDULE_ROWS = `select s.*, absurd.clock() as now,
       (select max(f.fire_at) from absurd.fire f
         where f.schedule_id = s.schedule_id and f.state = 'spawned') as last_at
  from absurd.schedule s`;

export interface FireRow {
  fire_at: Date;
  origin: FireView["origin"];
  state: FireView["state"];
  task_id: string | null;
  workflow_id: string | null;
  missed_before: Date | null;
  reason: string | null;
  decided_at: Date;
}

function readSpec(row: ScheduleRow): ScheduleSpec | null {
  try {
    return specFromWire(row.spec);
  } catch {
    return null;
  }
}

export function fromScheduleRow(row: ScheduleRow): ScheduleView {
  return {
    name: row.name,
    spec: readSpec(row),
    spawn: row.spawn,
    overlap: row.overlap,
    catchUp: row.catch_up,
    catchUpSeconds: row.catch_up_seconds,
    jitterSeconds: row.jitter_seconds,
    startsAt: row.starts_at,
    endsAt: row.ends_at,
    remaining: row.remaining,
    paused: row.paused,
    note: row.note,
    lastAt: row.last_at,
    nextAt: nextOf(row),
    error: row.error,
    createdAt: row.created_at,
  };
}

/** Of one that is due already, that instant. */
function nextOf(row: ScheduleRow): Date | null {
  const spec = readSpec(row);
  if (row.due_at === null || spec === null) return null;
  const plan = planFirings(
    {
      spec,
      catchUp: row.catch_up,
      catchUpSeconds: row.catch_up_seconds,
      startsAt: row.starts_at,
      endsAt: row.ends_at,
      consideredAt: row.considered_at,
    },
    row.now,
  );
  return plan.instants[0] ?? plan.dueAt ?? null;
}

export function fromFireRow(row: FireRow): FireView {
  return {
    fireAt: row.fire_at,
    origin: row.origin,
    state: row.state,
    taskId: row.task_id === null ? null : taskUuid(row.task_id),
    workflowId: row.workflow_id,
    missedBefore: row.missed_before,
    reason: row.reason,
    decidedAt: row.decided_at,
  };
}
