/** What tests of schedules begin with: a leader's rounds by hand and a clock to move. */
import type pg from "pg";

import { type FreshDatabase, setClock, sqlWorker } from "@contimg/testkit";

import { AbsurdClient } from "../client.ts";
import { fireDueSchedules } from "../schedule-firing.ts";
import type { ScheduleOptions, Schedules } from "../schedules.ts";

const EVERY_MINUTE = { everySeconds: 60 };

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
