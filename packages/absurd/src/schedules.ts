/** Schedules for programs: made, looked at, fired by hand. Firing by time is the leader's. */
import { z } from "zod";

import { type Db, run } from "./db.ts";
import { InvalidSchedule, ScheduleNotFound } from "./errors.ts";
import { type ScheduleSpec, instantsAfter, specFromWire, specToWire } from "./schedule-instants.ts";
import {
  type FireRow,
  type FireView,
  type Overlap,
  type ScheduleRow,
  type ScheduleView,
  SCHEDULE_ROWS,
  fromFireRow,
  fromScheduleRow,
} from "./schedule-view.ts";
import { type TemplateRequest, wireScheduled } from "./scheduled-spawn.ts";
import type { SpawnRequest } from "./task.ts";

const BACKFILL_MAX = 10_000;

export interface ScheduleOptions {
  readonly name: string;
  readonly spec: ScheduleSpec;
  /**
   * The task, or the workflow of a template, of each firing. The tasks' correlation id, unless
   * given, is `NAME@INSTANT`; a top-level value of the params that is FIRE_AT becomes the instant.
   */
  readonly spawn: SpawnRequest | TemplateRequest;
  /** Default "skip". */
  readonly overlap?: Overlap;
  /** Instants missed while nobody fired: "all" of the window, or only the "last". Default "all". */
  readonly catchUp?: "all" | "last";
  /** Instants older than this are not fired any more, only noted. At least 10. Default 3600. */
  readonly catchUpSeconds?: number;
  /** Starts each task later by up to so much, by schedule and instant alone. Default 0. */
  readonly jitterSeconds?: number;
  readonly startsAt?: Date;
  readonly endsAt?: Date;
  /** Firings until it is over; triggers and backfills do not count. Default: no limit. */
  readonly remaining?: number;
  readonly paused?: boolean;
  readonly note?: string;
}

/** What is left out stays as it is; null gives a field its default. */
export type ScheduleChange = {
  readonly [Key in Exclude<keyof ScheduleOptions, "name" | "spec" | "spawn" | "paused">]?:
    ScheduleOptions[Key] | null;
} & {
  readonly spec?: ScheduleSpec;
  readonly paused?: boolean;
  readonly spawn?: ScheduledChange;
};

/** A task in place of a template, or the other way round, takes the old one's place. */
export interface ScheduledChange {
  readonly task?: string | undefined;
  readonly template?: string | undefined;
  readonly params?: Readonly<Record<string, unknown>> | undefined;
  readonly queue?: string | null | undefined;
  readonly priority?: number | undefined;
  readonly timeoutSeconds?: number | null | undefined;
  readonly maxRetries?: number | null | undefined;
}

const numbers = z.object({
  catchUpSeconds: z.number().min(10).nullish(),
  jitterSeconds: z.number().min(0).nullish(),
  remaining: z.int().min(0).max(2_147_483_647).nullish(),
});

export interface SchedulesHost {
  readonly db: Db;
  /** Checks and registers as a spawn does, and gives what absurd.spawn_tasks would get. */
  toWire(request: SpawnRequest): Promise<Record<string, unknown>>;
  /** Tells workers to look now. */
  wake(): void;
}

export class Schedules {
  readonly #host: SchedulesHost;
  readonly #db: Db;

  constructor(host: SchedulesHost) {
    this.#host = host;
    this.#db = host.db;
  }

  /**
   * With `replace`, a schedule of this name is changed; a changed spec counts from now.
   * @throws {InvalidSchedule | InvalidParams | UnknownTaskName}, and for a template
   *   {TemplateNotFound | InvalidWorkflow}
   */
  async create(options: ScheduleOptions, how: { replace?: boolean } = {}): Promise<ScheduleView> {
    const schedule = {
      name: options.name,
      spec: specToWire(options.spec),
      spawn: await wireScheduled(options.spawn, (request) => this.#host.toWire(request)),
      ...wireSettings(options),
    };
    checkNumbers(options);
    await run(this.#db, "select absurd.create_schedule($1, $2)", [
      JSON.stringify(schedule),
      how.replace ?? false,
    ]);
    return this.show(options.name);
  }

  /**
   * Changes some of a schedule: what is left out stays, null gives a field its default. A changed
   * spec counts from now.
   * @throws {ScheduleNotFound | InvalidSchedule | UnknownTaskName | TemplateNotFound |
   *   InvalidWorkflow}
   */
  async update(name: string, change: ScheduleChange): Promise<ScheduleView> {
    checkNumbers(change);
    const changes = { ...wireSettings(change), spec: change.spec && specToWire(change.spec) };
    const spawn = change.spawn && wireSpawnChange(change.spawn);
    await run(this.#db, "select absurd.change_schedule($1, $2)", [
      name,
      JSON.stringify({ ...changes, spawn }),
    ]);
    return this.show(name);
  }

  /** By name. */
  async list(): Promise<ScheduleView[]> {
    const rows = await run<ScheduleRow>(this.#db, `${SCHEDULE_ROWS} order by s.name`);
    return rows.map(fromScheduleRow);
  }

  /** @throws {ScheduleNotFound} */
  async show(name: string): Promise<ScheduleView> {
    return fromScheduleRow(await this.#read(name));
  }

  /** What became of its instants, latest first. @throws {ScheduleNotFound} */
  async fires(name: string, limit = 20): Promise<FireView[]> {
    await this.#read(name);
    const rows = await run<FireRow>(
      this.#db,
      `select f.* from absurd.fire f join absurd.schedule s on s.schedule_id = f.schedule_id
        where s.name = $1 order by f.fire_at desc limit $2`,
      [name, limit],
    );
    return rows.map(fromFireRow);
  }

  /** Its next instants, without jitter; a pause is not minded. @throws {ScheduleNotFound} */
  async preview(name: string, count = 10): Promise<Date[]> {
    const row = await this.#read(name);
    const earliest = Math.max(row.now.getTime(), (row.starts_at?.getTime() ?? 0) - 1);
    const instants = instantsAfter(specFromWire(row.spec), new Date(earliest));
    const limit = Math.min(count, row.remaining ?? count);
    const next: Date[] = [];
    for (const instant of limit > 0 ? instants : []) {
      if (row.ends_at && instant > row.ends_at) break;
      if (next.push(instant) >= limit) break;
    }
    return next;
  }

  /** The next instants that a spec would have, without a schedule. @throws {InvalidSchedule} */
  async previewSpec(spec: ScheduleSpec, count = 10): Promise<Date[]> {
    const [row] = await run<{ now: Date }>(this.#db, "select absurd.clock() as now");
    const next: Date[] = [];
    for (const instant of instantsAfter(specFromWire(specToWire(spec)), row!.now)) {
      if (next.push(instant) >= count) break;
    }
    return next;
  }

  /** @throws {ScheduleNotFound} */
  async pause(name: string, note?: string): Promise<void> {
    await run(this.#db, "select absurd.pause_schedule($1, $2)", [name, note ?? null]);
  }

  /** It fires again from now on: what it would have fired while paused never was. */
  async resume(name: string, note?: string): Promise<void> {
    await run(this.#db, "select absurd.resume_schedule($1, $2)", [name, note ?? null]);
  }

  /** Its tasks stay. @throws {ScheduleNotFound} */
  async delete(name: string): Promise<void> {
    await run(this.#db, "select absurd.delete_schedule($1)", [name]);
  }

  /**
   * Fires it now, also when it is paused. `overlap` defaults to the schedule's own.
   * @param requestId a UUID; who asks again with the same is told of the firing that there was
   */
  async trigger(name: string, overlap?: Overlap, requestId?: string): Promise<FireView> {
    const [row] = await run<FireRow>(
      this.#db,
      "select * from absurd.trigger_schedule($1, $2, $3)",
      [name, overlap ?? null, requestId ?? null],
    );
    this.#host.wake();
    return fromFireRow(row!);
  }

  /**
   * Fires its instants of the range, both ends included, that have no task yet, oldest first.
   * `overlap` defaults to "bufferAll": one after the other.
   * @throws {InvalidSchedule} for a range that is not past or has more than 10000 instants
   */
  async backfill(
    name: string,
    range: { from: Date; to: Date },
    overlap: Overlap = "bufferAll",
  ): Promise<FireView[]> {
    const instants = await this.#instantsOf(name, range);
    const rows = await run<FireRow>(
      this.#db,
      "select * from absurd.backfill_schedule($1, $2, $3)",
      [name, instants.map((instant) => instant.toISOString()), overlap],
    );
    this.#host.wake();
    return rows.map(fromFireRow);
  }

  /** The instants that a backfill of the range would fire. @throws as backfill does */
  async planBackfill(name: string, range: { from: Date; to: Date }): Promise<Date[]> {
    const instants = await this.#instantsOf(name, range);
    const rows = await run<{ at: Date; now: Date }>(
      this.#db,
      `select i.at, absurd.clock() as now
         from unnest($2::timestamptz[]) i(at) join absurd.schedule s on s.name = $1
        where not exists (
                select from absurd.fire f
                 where f.schedule_id = s.schedule_id and f.fire_at = i.at
                   and f.state in ('spawned', 'buffered'))
        order by i.at`,
      [name, instants.map((instant) => instant.toISOString())],
    );
    const coming = rows.find(({ at, now }) => at > now);
    if (coming) {
      throw new InvalidSchedule(
        `${coming.at.toISOString()} is still to come, expected a past instant`,
      );
    }
    return rows.map(({ at }) => at);
  }

  async #instantsOf(name: string, range: { from: Date; to: Date }): Promise<Date[]> {
    const spec = specFromWire((await this.#read(name)).spec);
    const instants: Date[] = [];
    for (const instant of instantsAfter(spec, new Date(range.from.getTime() - 1))) {
      if (instant > range.to) break;
      if (instants.push(instant) > BACKFILL_MAX) {
        throw new InvalidSchedule(
          `the range ${range.from.toISOString()} to ${range.to.toISOString()} has more than ` +
            `${BACKFILL_MAX} instants of "${name}"; backfill a part at a time`,
        );
      }
    }
    return instants;
  }

  async #read(name: string): Promise<ScheduleRow> {
    const [row] = await run<ScheduleRow>(this.#db, `${SCHEDULE_ROWS} where s.name = $1`, [name]);
    if (!row) throw new ScheduleNotFound(`no schedule "${name}"`);
    return row;
  }
}

function wireSettings(settings: Omit<ScheduleChange, "spec" | "spawn">): object {
  return {
    overlap: settings.overlap,
    catch_up: settings.catchUp,
    catch_up_seconds: settings.catchUpSeconds,
    jitter_seconds: settings.jitterSeconds,
    starts_at: settings.startsAt,
    ends_at: settings.endsAt,
    remaining: settings.remaining,
    paused: settings.paused,
    note: settings.note,
  };
}

function wireSpawnChange(change: ScheduledChange): object {
  return {
    task_name: change.template === undefined ? change.task : null,
    template: change.task === undefined ? change.template : null,
    version: (change.task ?? change.template) === undefined ? undefined : null,
    params: change.params,
    queue_name: change.queue,
    priority: change.priority,
    timeout_seconds: change.timeoutSeconds,
    max_retries: change.maxRetries,
  };
}

function checkNumbers(options: Omit<ScheduleChange, "spec" | "spawn">): void {
  const parsed = numbers.safeParse(options);
  if (parsed.success) return;
  const [issue] = parsed.error.issues;
  const field = String(issue?.path[0]) as keyof z.infer<typeof numbers>;
  throw new InvalidSchedule(`${field} is ${String(options[field])}: ${issue?.message ?? ""}`);
}
