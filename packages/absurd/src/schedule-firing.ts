/**
 * The leader's part in schedules: finds those that are due, computes their instants and has the
 * database decide about them, under its term and its clock. Whoever else does the same at the same
 * time, each instant is decided once.
 */
import { type Db, isTransient, run } from "./db.ts";
import { LeaderDeposed } from "./errors.ts";
import { planFirings, specFromWire } from "./schedule-instants.ts";

const SCHEDULES_MAX = 50;

interface DueRow {
  schedule_id: number;
  name: string;
  revision: number;
  spec: unknown;
  catch_up: "all" | "last";
  catch_up_seconds: number;
  starts_at: Date | null;
  ends_at: Date | null;
  considered_at: Date;
  now: Date;
}

/**
 * One round. Returns how many tasks it spawned. A schedule that cannot be fired keeps its error and
 * comes again a minute later; the others are fired.
 * @throws {LeaderDeposed}, and what says that the database is away
 */
export async function fireDueSchedules(
  db: Db,
  term: string,
  onError: (error: unknown) => void,
): Promise<number> {
  const due = await run<DueRow>(db, "select * from absurd.due_schedules($1)", [SCHEDULES_MAX]);
  let spawned = 0;
  for (const row of due) {
    try {
      spawned += await fireSchedule(db, term, row);
    } catch (error) {
      if (error instanceof LeaderDeposed || isTransient(error)) throw error;
      onError(error);
      await run(db, "select absurd.postpone_schedule($1, $2, $3)", [
        row.schedule_id,
        row.revision,
        error instanceof Error ? error.message : String(error),
      ]);
    }
  }
  return spawned;
}

async function fireSchedule(db: Db, term: string, row: DueRow): Promise<number> {
  const plan = planFirings(
    {
      spec: specFromWire(row.spec),
      catchUp: row.catch_up,
      catchUpSeconds: row.catch_up_seconds,
      startsAt: row.starts_at,
      endsAt: row.ends_at,
      consideredAt: row.considered_at,
    },
    row.now,
  );
  const [fired] = await run<{ spawned: number | null }>(
    db,
    "select absurd.fire_schedule($1, $2, $3, $4, $5, $6, $7, $8) as spawned",
    [
      term,
      row.schedule_id,
      row.revision,
      plan.instants.map((instant) => instant.toISOString()),
      plan.missed?.from ?? null,
      plan.missed?.before ?? null,
      plan.consideredAt,
      plan.dueAt ?? null,
    ],
  );
  return fired?.spawned ?? 0;
}
