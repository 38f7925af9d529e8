/** What tests of schedules begin with: a leader's rounds by hand and a clock to move. */
import type pg from "pg";

import { type FreshDatabase, setClock, sqlWorker } from "@contimg/testkit";

import { AbsurdClient } from "../client.ts";
import { fireDueSchedules } from "../schedule-firing.ts";
import type { ScheduleOptions, Schedules } from "../schedules.ts";

const EVERY_MINUTE = { everySeconds: 60 };
const DUE_AT = "2026-03-01T12:01:00Z";

export interface Stage {
  readonly db: pg.Client;
  readonly worker: sqlWorker.SqlWorker;
  readonly schedules: Schedules;
  /** Moves the clock to a time of the day and does what a leader's tick does. */
  tick(time: string): Promise<void>;
  create(options?: Partial<ScheduleOptions>): Promise<void>;
  /** Time and state of each fire, oldest first. */
  fires(): Promise<string[]>;
}

/** An engine at noon without schedules. */
export async function setUpSchedules(database: FreshDatabase): Promise<Stage> {
  const { db, worker } = await sqlWorker.emptyEngine(database, {});
  await db.query("delete from absurd.fire; delete from absurd.schedule");
  const schedules = new AbsurdClient(db).schedules;
  return {
    db,
    worker,
    schedules,
    tick: async (time) => {
      await setClock(db, `2026-03-01T${time}Z`);
      await db.query("select absurd.beat($1, $2)", [worker.id, worker.epoch]);
      await sqlWorker.maintain(db, worker);
      await fireDueSchedules(db, await currentTerm(db), rethrow);
    },
    create: async (options = {}) => {
      const spawnNoop = { task: "noop" };
      await schedules.create({ name: "s", spec: EVERY_MINUTE, spawn: spawnNoop, ...options });
    },
    fires: async () => {
      const fires = await schedules.fires("s", 1000);
      return fires
        .reverse()
        .map((each) => `${each.fireAt.toISOString().slice(11, 19)} ${each.state}`);
    },
  };
}

export function rethrow(error: unknown): never {
  throw error;
}

export async function currentTerm(db: pg.Client): Promise<string> {
  const { rows } = await db.query<{ term: string }>(
    "select term from absurd.control where name = 'leader'",
  );
  return rows[0]!.term;
}

export async function endOne({ db, worker }: Stage): Promise<void> {
  const [held] = await sqlWorker.claim(db, worker, 1);
  await sqlWorker.cycle(db, worker, { done: [held!] });
}

export async function statuses(db: pg.Client): Promise<string[]> {
  const { rows } = await db.query<{ status: string }>(
    "select status from absurd.tasks order by task_number",
  );
  return rows.map((row) => row.status);
}

/**
 * An instant is due; of two leaders the second waits for the first, which commits. Returns how much
 * the second fired.
 */
export async function fireAsRivals(stage: Stage, database: FreshDatabase): Promise<number> {
  const term = await becomeDue(stage);
  const rival = await database.connect();
  await setClock(rival, DUE_AT);

  await stage.db.query("begin");
  await fireDueSchedules(stage.db, term, rethrow);
  const second = fireDueSchedules(rival, term, rethrow);
  await sqlWorker.untilBlocked(stage.db, rival);
  await stage.db.query("commit");
  return second;
}

/** An instant is due; the leader that fires it dies before its commit, and another ticks. */
export async function fireAfterDeath(stage: Stage, database: FreshDatabase): Promise<void> {
  const doomed = await database.connect();
  await setClock(doomed, DUE_AT);
  const term = await becomeDue(stage);
  await doomed.query("begin");
  await fireDueSchedules(doomed, term, rethrow);
  const { processID } = doomed as pg.Client & { processID: number };
  await stage.db.query("select pg_terminate_backend($1, 5000)", [processID]);

  await stage.tick("12:01:00");
}

/** The worker of the stage leads when the first instant has come. Returns its term. */
async function becomeDue({ db, worker }: Stage): Promise<string> {
  await setClock(db, DUE_AT);
  await sqlWorker.maintain(db, worker);
  return currentTerm(db);
}
