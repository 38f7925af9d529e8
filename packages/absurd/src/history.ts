/** History for programs: what there is, how long it is kept, what ended when and how fast. */
import { type Db, run } from "./db.ts";
import {
  type StatsRange,
  type StatsStep,
  type Totals,
  readStats,
  readTotals,
} from "./stats-history.ts";

export interface HistorySettings {
  /** Days after which tasks that ended may go. Default 30. */
  readonly retentionDays: number;
  /** Days for which hourly roll-ups are kept. Default 400. */
  readonly rollupDays: number;
}

export interface HistoryDay {
  /** UTC, YYYY-MM-DD: the day on which its tasks were spawned. */
  readonly day: string;
  readonly tasks: number;
  /** Tasks that have not ended: they keep their day. */
  readonly unended: number;
  readonly bytes: number;
}

export interface PruneReport {
  /** What went, or with dryRun would go. */
  readonly dropped: readonly HistoryDay[];
  /** Days as old, kept because of tasks that have not ended. */
  readonly kept: readonly HistoryDay[];
}

export interface RecentEnds {
  readonly completed: number;
  readonly failed: number;
  readonly cancelled: number;
}

/** How long the tasks of a name ran in the last week. */
export interface UsualRun {
  readonly taskName: string;
  readonly p50: number;
  readonly p95: number;
}

const WEEK_MS = 7 * 86_400_000;
const PRUNE_TRIES_MAX = 20;

export class History {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  async settings(): Promise<HistorySettings> {
    const [row] = await run<{ retention_days: number; rollup_days: number }>(
      this.#db,
      "select retention_days, rollup_days from absurd.history",
    );
    return { retentionDays: row!.retention_days, rollupDays: row!.rollup_days };
  }

  async keep(settings: Partial<HistorySettings>): Promise<HistorySettings> {
    for (const [name, days] of Object.entries(settings)) {
      if (!Number.isInteger(days) || days < 1) {
        throw new RangeError(`${name} is ${days}, expected a whole number of days from 1 on`);
      }
    }
    await run(
      this.#db,
      `update absurd.history set retention_days = coalesce($1, retention_days),
              rollup_days = coalesce($2, rollup_days)`,
      [settings.retentionDays ?? null, settings.rollupDays ?? null],
    );
    return this.settings();
  }

  /** Days with partitions, oldest first. Counts all of history. */
  async days(): Promise<HistoryDay[]> {
    const rows = await run<{ day: string; tasks: string; unended: string; bytes: string }>(
      this.#db,
      "select day::text, tasks, unended, bytes from absurd.history_days()",
    );
    return rows.map((row) => ({
      day: row.day,
      tasks: Number(row.tasks),
      unended: Number(row.unended),
      bytes: Number(row.bytes),
    }));
  }

  /**
   * Removes the days that are older, now; the leader does the same by `retentionDays`.
   * @throws when the tables cannot be had because of a long transaction; what went is gone
   */
  async prune(options: { olderThanDays: number; dryRun?: boolean }): Promise<PruneReport> {
    const { olderThanDays, dryRun = false } = options;
    if (!Number.isInteger(olderThanDays) || olderThanDays < 1) {
      throw new RangeError(`olderThanDays is ${olderThanDays}, expected a whole number from 1 on`);
    }
    const [row] = await run<{ before: string }>(
      this.#db,
      "select ((absurd.clock() at time zone 'UTC')::date - $1::integer)::text as before",
      [olderThanDays],
    );
    const before = row!.before;
    const old = (await this.days()).filter((each) => each.day < before);
    const kept = old.filter((each) => each.unended > 0);
    if (dryRun) return { dropped: old.filter((each) => each.unended === 0), kept };
    await run(this.#db, "select absurd.roll_up()");
    const gone = await this.#pruneBefore(before);
    return {
      dropped: old.filter((each) => gone.has(each.day)),
      kept: old.filter((each) => !gone.has(each.day)),
    };
  }

  /** What ended, by steps, from the roll-ups: the last ten seconds may not be in them yet. */
  stats(range: StatsRange): Promise<StatsStep[]> {
    return readStats(this.#db, range);
  }

  /** What ended in the last minutes, without delay. */
  async recent(minutes: number): Promise<RecentEnds> {
    const [row] = await run<Record<keyof RecentEnds, string>>(
      this.#db,
      "select * from absurd.recent_ends(absurd.clock() - make_interval(secs => 60 * $1))",
      [minutes],
    );
    return {
      completed: Number(row!.completed),
      failed: Number(row!.failed),
      cancelled: Number(row!.cancelled),
    };
  }

  /** Everything there ever was, by queue and task name. */
  totals(): Promise<Totals[]> {
    return readTotals(this.#db);
  }

  /** How many tasks were ever spawned; where 50,000 or more wait, up to half a minute ago. */
  async spawnedTotal(): Promise<number> {
    const [row] = await run<{ n: string }>(this.#db, "select absurd.spawned_total() as n");
    return Number(row!.n);
  }

  /** By task name, over all queues, of the last week. */
  async usualRuns(): Promise<UsualRun[]> {
    const [clock] = await run<{ now: Date }>(this.#db, "select absurd.clock() as now");
    const from = new Date(clock!.now.getTime() - WEEK_MS);
    const rows = await run<{ task_name: string; p50: number; p95: number }>(
      this.#db,
      "select task_name, p50, p95 from absurd.usual_runs($1)",
      [from],
    );
    return rows.map(({ task_name: taskName, p50, p95 }) => ({ taskName, p50, p95 }));
  }

  async #pruneBefore(before: string): Promise<Set<string>> {
    const gone = new Set<string>();
    for (let failures = 0; ;) {
      try {
        const [step] = await run<{ day: string; what: string }>(
          this.#db,
          "select day::text, what from absurd.prune_step($1::date)",
          [before],
        );
        if (!step) return gone;
        if (step.what === "dropped") gone.add(step.day);
      } catch (error) {
        if (!isLockTimeout(error) || ++failures >= PRUNE_TRIES_MAX) throw error;
      }
    }
  }
}

function isLockTimeout(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "55P03";
}
