/** Schedules, from the engine's words to the contract's and back. Pure. */
import type {
  FireView,
  Json,
  ScheduleChange,
  ScheduleOptions,
  ScheduleSpec,
  ScheduleView,
} from "@contimg/absurd";
import type { createSchedule, Firing, Schedule, updateSchedule } from "@contimg/contract";
import type { z } from "zod";

import { scheduleWords } from "../schedule-words.ts";
import { dateOf, given, wireInstant, wireObject } from "./wire-values.ts";

type Timing = Partial<Pick<Schedule, "cron_expression" | "every_seconds" | "anchor" | "timezone">>;

/** Undefined when neither a cron expression nor an interval is given, or both are. */
export function specOf(timing: {
  readonly [Key in keyof Timing]: Exclude<Timing[Key], null> | undefined;
}): ScheduleSpec | undefined {
  const { cron_expression: cron, every_seconds: everySeconds } = timing;
  if (cron !== undefined && everySeconds !== undefined) return undefined;
  if (cron !== undefined) return { cron, ...given({ timeZone: timing.timezone }) };
  if (everySeconds === undefined) return undefined;
  return { everySeconds, ...given({ anchor: dateOf(timing.anchor) }) };
}

export function scheduleOptionsOf(body: z.output<typeof createSchedule>): ScheduleOptions {
  const spec = specOf(body);
  // The contract's schema asks for one of the two.
  if (!spec) throw new TypeError("a schedule without cron_expression and every_seconds");
  return {
    name: body.name,
    spec,
    spawn:
      body.template_name === undefined
        ? {
            task: body.task_name ?? "",
            params: body.params ?? {},
            ...given({
              queue: body.queue_name,
              priority: body.priority,
              timeoutSeconds: body.timeout_sec,
              maxRetries: body.max_retries,
            }),
          }
        : { template: body.template_name, params: body.params ?? {} },
    paused: body.paused,
    ...given({
      overlap: body.overlap,
      catchUp: body.catch_up,
      catchUpSeconds: body.catch_up_seconds,
      jitterSeconds: body.jitter_seconds,
      startsAt: dateOf(body.starts_at),
      endsAt: dateOf(body.ends_at),
      remaining: body.remaining,
      note: body.description,
    }),
  };
}

/** @param before of the schedule: a changed time zone alone keeps its cron expression */
export function changeOf(
  body: z.output<typeof updateSchedule>,
  before: ScheduleSpec | null,
): ScheduleChange {
  const spawn = given({
    task: body.task_name,
    template: body.template_name,
    params: body.params,
    queue: body.queue_name,
    priority: body.priority,
    timeoutSeconds: body.timeout_sec,
    maxRetries: body.max_retries,
  });
  return {
    ...given({
      spec: changedSpec(body, before),
      overlap: body.overlap,
      catchUp: body.catch_up,
      catchUpSeconds: body.catch_up_seconds,
      jitterSeconds: body.jitter_seconds,
      startsAt: dateOf(body.starts_at),
      endsAt: dateOf(body.ends_at),
      remaining: body.remaining,
      note: body.description,
      paused: body.state === undefined ? undefined : body.state === "paused",
    }),
    ...(Object.keys(spawn).length > 0 ? { spawn } : {}),
  };
}

function changedSpec(
  body: z.output<typeof updateSchedule>,
  before: ScheduleSpec | null,
): ScheduleSpec | undefined {
  const isTimingGiven = [body.cron_expression, body.every_seconds, body.timezone, body.anchor].some(
    (value) => value !== undefined,
  );
  if (!isTimingGiven) return undefined;
  const { cron, zone, every, anchor } = partsOf(before);
  const isCron = body.every_seconds === undefined && (body.cron_expression ?? cron) !== undefined;
  return specOf(
    isCron
      ? { cron_expression: body.cron_expression ?? cron, timezone: body.timezone ?? zone }
      : { every_seconds: body.every_seconds ?? every, anchor: body.anchor ?? anchor },
  );
}

function partsOf(spec: ScheduleSpec | null): {
  cron?: string;
  zone?: string;
  every?: number;
  anchor?: string;
} {
  if (spec === null) return {};
  if ("cron" in spec) return given({ cron: spec.cron, zone: spec.timeZone });
  return given({ every: spec.everySeconds, anchor: spec.anchor?.toISOString() });
}

export function wireSchedule(view: ScheduleView): Schedule {
  const { cron, zone, every, anchor } = partsOf(view.spec);
  const { spawn } = view;
  return {
    name: view.name,
    description: view.note,
    state: stateOf(view),
    cron_expression: cron ?? null,
    timezone: zone ?? "UTC",
    every_seconds: every ?? null,
    anchor: anchor ?? null,
    in_words: scheduleWords(view.spec),
    queue_name: textOf(spawn["queue_name"]),
    task_name: textOf(spawn["task_name"]),
    template_name: textOf(spawn["template"]),
    params: paramsOf(spawn["params"]),
    priority: numberOf(spawn["priority"]) ?? 0,
    timeout_sec: numberOf(spawn["timeout_seconds"]),
    max_retries: numberOf(spawn["max_retries"]),
    overlap: view.overlap,
    catch_up: view.catchUp,
    catch_up_seconds: view.catchUpSeconds,
    jitter_seconds: view.jitterSeconds,
    starts_at: wireInstant(view.startsAt),
    ends_at: wireInstant(view.endsAt),
    remaining: view.remaining,
    last_run_at: wireInstant(view.lastAt),
    next_run_at: wireInstant(view.nextAt),
    error: view.error,
    created_at: wireInstant(view.createdAt),
  };
}

function stateOf(view: ScheduleView): Schedule["state"] {
  if (view.paused) return "paused";
  return view.nextAt === null ? "ended" : "active";
}

export function wireFiring(view: FireView): Firing {
  return {
    fire_at: wireInstant(view.fireAt),
    origin: view.origin,
    state: view.state,
    task_id: view.taskId,
    workflow_id: view.workflowId,
    missed_before: wireInstant(view.missedBefore),
    reason: view.reason,
    decided_at: wireInstant(view.decidedAt),
  };
}

/** A schedule may be written in SQL: a member of its spawn may be anything. */
function textOf(value: Json | undefined): string | null {
  return typeof value === "string" ? value : null;
}

function numberOf(value: Json | undefined): number | null {
  return typeof value === "number" ? value : null;
}

function paramsOf(value: Json | undefined): Record<string, Json> {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  return isObject ? wireObject(value) : {};
}
