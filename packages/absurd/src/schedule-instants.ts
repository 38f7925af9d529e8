/**
 * Which instants a schedule has, and which of them are due. Pure: the caller brings the time.
 *
 * Croner enumerates the calendar that a cron expression describes, in a world without transitions;
 * wall-clock.ts turns what the wall shows into instants. So what happens in a gap and in a fold is
 * one rule of ours: in a gap, the first instant after it; in a fold, the first of the two.
 */
import { Cron } from "croner";
import { z } from "zod";

import { InvalidSchedule } from "./errors.ts";
import { instantOf, isTimeZone, wallTimeOf } from "./wall-clock.ts";

export interface CronSpec {
  /** Five fields, or six with seconds first; also names, ranges, steps, L, W, # and @daily. */
  readonly cron: string;
  /** IANA name. Default "UTC". */
  readonly timeZone?: string | undefined;
}

export interface IntervalSpec {
  readonly everySeconds: number;
  /** An instant of the schedule, past or to come. Default: 1970-01-01T00:00:00Z. */
  readonly anchor?: Date | undefined;
}

export type ScheduleSpec = CronSpec | IntervalSpec;

/** One call decides about so many instants of a schedule; the rest has the next one. */
export const INSTANTS_MAX = 200;
const YEAR_MAX = 2999;

const wireSpec = z.union([
  z.strictObject({ cron: z.string().min(1), time_zone: z.string().default("UTC") }),
  z.strictObject({
    every_seconds: z.number().min(0.001),
    anchor: z.coerce.date().default(new Date(0)),
  }),
]);

/** As the database holds it. @throws {InvalidSchedule} */
export function specToWire(spec: ScheduleSpec): Record<string, unknown> {
  const wire =
    "cron" in spec
      ? { cron: spec.cron, time_zone: spec.timeZone ?? "UTC" }
      : { every_seconds: spec.everySeconds, anchor: (spec.anchor ?? new Date(0)).toISOString() };
  specFromWire(wire);
  return wire;
}

/** @throws {InvalidSchedule} naming field, value and what is expected */
export function specFromWire(wire: unknown): ScheduleSpec {
  const parsed = wireSpec.safeParse(wire);
  if (!parsed.success) {
    throw new InvalidSchedule(
      `spec is ${JSON.stringify(wire)}, expected {"cron", "time_zone"} or {"every_seconds", "anchor"}`,
    );
  }
  if ("every_seconds" in parsed.data) {
    return { everySeconds: parsed.data.every_seconds, anchor: parsed.data.anchor };
  }
  const spec = { cron: parsed.data.cron, timeZone: parsed.data.time_zone };
  if (!isTimeZone(spec.timeZone)) {
    throw new InvalidSchedule(`time zone is "${spec.timeZone}", expected an IANA name`);
  }
  if (!calendarOf(spec.cron).nextRun(new Date())) {
    throw new InvalidSchedule(`cron is "${spec.cron}", which never comes`);
  }
  return spec;
}

/** The first instants after `after` of a spec as a person wrote it. @throws {InvalidSchedule} */
export function nextInstants(spec: ScheduleSpec, after: Date, count: number): Date[] {
  const instants: Date[] = [];
  if (count < 1) return instants;
  for (const instant of instantsAfter(specFromWire(specToWire(spec)), after)) {
    if (instants.push(instant) >= count) break;
  }
  return instants;
}

/** The instants after `after`, in order; ends when there are no more. */
export function* instantsAfter(spec: ScheduleSpec, after: Date): Generator<Date, void> {
  if ("cron" in spec) yield* cronInstants(spec, after);
  else yield* intervalInstants(spec, after);
}

function* cronInstants(spec: CronSpec, after: Date): Generator<Date, void> {
  const timeZone = spec.timeZone ?? "UTC";
  const calendar = calendarOf(spec.cron);
  let last = after.getTime();
  let wall: Date | null = wallTimeOf(after, timeZone);
  while (true) {
    wall = calendar.nextRun(wall);
    if (!wall || wall.getUTCFullYear() > YEAR_MAX) return;
    const instant = instantOf(wall, timeZone);
    // Later walls of a gap are the same instant; those of a fold's second pass are past.
    if (instant.getTime() <= last) continue;
    last = instant.getTime();
    yield instant;
  }
}

function* intervalInstants(spec: IntervalSpec, after: Date): Generator<Date, void> {
  const stepMs = spec.everySeconds * 1000;
  const anchorMs = (spec.anchor ?? new Date(0)).getTime();
  for (let n = Math.floor((after.getTime() - anchorMs) / stepMs); ; n++) {
    const atMs = Math.round(anchorMs + n * stepMs);
    if (atMs > after.getTime()) yield new Date(atMs);
  }
}

function calendarOf(cron: string): Cron {
  const fields = cron.trim().split(/\s+/).length;
  if (fields !== 5 && fields !== 6 && !/^\s*@/.test(cron)) {
    throw new InvalidSchedule(`cron is "${cron}", expected five fields, or six with seconds first`);
  }
  try {
    return new Cron(cron, { timezone: "UTC", paused: true });
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error);
    throw new InvalidSchedule(`cron is "${cron}": ${what}`, { cause: error });
  }
}

export interface DueSchedule {
  readonly spec: ScheduleSpec;
  /** Missed instants of the window: fire all of them, or the last. */
  readonly catchUp: "all" | "last";
  readonly catchUpSeconds: number;
  readonly startsAt: Date | null;
  readonly endsAt: Date | null;
  /** Instants up to here were decided. */
  readonly consideredAt: Date;
}

export interface FiringPlan {
  readonly instants: readonly Date[];
  /** Instants from `from` to before `before` are given up. */
  readonly missed: { readonly from: Date; readonly before: Date } | undefined;
  readonly consideredAt: Date;
  /** When to look again; undefined when nothing is to come. */
  readonly dueAt: Date | undefined;
}

/** What to do about a schedule at `now`. */
export function planFirings(schedule: DueSchedule, now: Date): FiringPlan {
  const { spec, catchUp, startsAt, endsAt, consideredAt } = schedule;
  const next = (after: Date): Date | undefined => {
    const earliest = Math.max(after.getTime(), (startsAt?.getTime() ?? 0) - 1);
    const { value } = instantsAfter(spec, new Date(earliest)).next();
    return value && (!endsAt || value <= endsAt) ? value : undefined;
  };
  const first = next(consideredAt);
  if (!first || first > now) {
    return { instants: [], missed: undefined, consideredAt, dueAt: first };
  }
  const windowStart = new Date(now.getTime() - schedule.catchUpSeconds * 1000);
  const due: Date[] = [];
  let following = first < windowStart ? next(new Date(windowStart.getTime() - 1)) : first;
  while (following && following <= now && due.length < INSTANTS_MAX) {
    due.push(following);
    following = next(following);
  }
  const isAll = !following || following > now;
  const instants = catchUp === "all" ? due : isAll ? due.slice(-1) : [];
  const kept = instants[0] ?? following ?? new Date(now.getTime() + 1);
  return {
    instants,
    missed: first < kept ? { from: first, before: kept } : undefined,
    consideredAt: isAll ? now : due.at(-1)!,
    dueAt: isAll ? following : now,
  };
}
