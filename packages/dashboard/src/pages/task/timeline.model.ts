/** A task's life as bars: waiting and running, attempt after attempt. Pure. */
import type { Task } from "@contimg/contract";

import type { Attempt } from "./attempt.ts";

export interface Span {
  readonly kind: "wait" | "run";
  readonly attempt: number;
  readonly from: number;
  readonly to: number;
  /** Of a run: how it ended; null while it goes on. */
  readonly ending: string | null;
  readonly worker: string | null;
}

export interface Timeline {
  readonly spans: readonly Span[];
  readonly from: number;
  readonly to: number;
}

type TimedTask = Pick<
  Task,
  "created_at" | "status" | "claimed_at" | "completed_at" | "attempt" | "worker_id"
>;

/** @param now milliseconds; where what goes on ends */
export function timelineOf(task: TimedTask, attempts: readonly Attempt[], now: number): Timeline {
  const spans: Span[] = [];
  let at = Date.parse(task.created_at);
  const from = at;
  for (const each of attempts) {
    const finished = Date.parse(each.finished_at);
    const claimed = each.claimed_at === null ? finished : Date.parse(each.claimed_at);
    push(spans, { kind: "wait", attempt: each.attempt, from: at, to: claimed });
    if (each.claimed_at !== null) {
      const { ending, worker_id: worker } = each;
      push(spans, {
        kind: "run",
        attempt: each.attempt,
        from: claimed,
        to: finished,
        ending,
        worker,
      });
    }
    at = finished;
  }
  if (task.status === "claimed" && task.claimed_at !== null) {
    const claimed = Date.parse(task.claimed_at);
    push(spans, { kind: "wait", attempt: task.attempt, from: at, to: claimed });
    const worker = task.worker_id;
    push(spans, { kind: "run", attempt: task.attempt, from: claimed, to: now, worker });
    at = now;
  } else if (task.completed_at === null) {
    push(spans, { kind: "wait", attempt: task.attempt + 1, from: at, to: now });
    at = now;
  }
  const end = task.completed_at === null ? at : Math.max(at, Date.parse(task.completed_at));
  return { spans, from, to: Math.max(end, from + 1) };
}

function push(
  spans: Span[],
  span: Pick<Span, "kind" | "attempt" | "from" | "to"> & Partial<Span>,
): void {
  if (span.to <= span.from && span.kind === "wait") return;
  spans.push({ ending: null, worker: null, ...span });
}
