/** Tasks, from the engine's words to the contract's and back. Pure. */
import type {
  AttemptView,
  Dependency,
  LogLineView,
  SpawnRequest,
  StepView,
  TaskPlace,
  TaskSummary,
  TaskView,
} from "@contimg/absurd";
import {
  type attempt,
  type LogLine,
  type SpawnRequest as WireSpawn,
  type step,
  type Task,
  type TaskSummary as WireSummary,
} from "@contimg/contract";
import type { z } from "zod";

import { dateOf, given, wireError, wireInstant } from "./wire-values.ts";

export function wireTaskSummary(task: TaskSummary): WireSummary {
  return {
    task_id: task.taskId,
    queue_name: task.queue,
    task_name: task.taskName,
    priority: task.priority,
    status: task.status,
    attempt: task.attempt,
    max_retries: task.maxRetries,
    worker_id: task.workerName,
    created_at: wireInstant(task.createdAt),
    available_at: wireInstant(task.availableAt),
    claimed_at: wireInstant(task.claimedAt),
    completed_at: wireInstant(task.completedAt),
    wait_time_sec: task.waitSeconds,
    execution_time_sec: task.executionSeconds,
    error: task.error?.message ?? null,
    error_tag: task.error?.tag ?? null,
    error_class: task.error?.class ?? null,
    tags: [...task.tags],
    correlation_id: task.correlationId,
    workflow_id: task.workflowId,
    parent_task_id: task.parentTaskId,
  };
}

export function wireTask(task: TaskView & { readonly place: TaskPlace }): Task {
  const { place } = task;
  return {
    ...wireTaskSummary(task),
    params: task.params,
    result: task.result,
    error_detail: wireError(task.error),
    timeout_sec: task.timeoutSeconds,
    idempotency_key: task.idempotencyKey,
    depends_on: [...task.dependsOn],
    place: place.place,
    run_at: wireInstant(place.runAt),
    unmet_count: place.unmetCount,
    awaited_event: place.awaitedEvent,
    progress: place.progress,
    cancel_requested: place.cancelRequested,
  };
}

export function wireAttempt(view: AttemptView): z.output<typeof attempt> {
  return {
    attempt: view.attempt,
    worker_id: view.workerName,
    claimed_at: wireInstant(view.claimedAt),
    finished_at: wireInstant(view.finishedAt),
    ending: view.ending,
    error: wireError(view.error),
  };
}

export function wireStep(view: StepView): z.output<typeof step> {
  return { step: view.step, attempt: view.attempt, value: view.value, at: wireInstant(view.at) };
}

export function wireLogLine({
  line,
  attempt: of,
  at,
  level,
  message,
  fields,
}: LogLineView): LogLine {
  return { line, attempt: of, at: wireInstant(at), level, message, fields };
}

export function spawnRequestOf(wire: WireSpawn): SpawnRequest {
  return {
    task: wire.task_name,
    params: wire.params,
    ...given({
      queue: wire.queue_name,
      version: wire.version,
      priority: wire.priority,
      timeoutSeconds: wire.timeout_sec,
      maxRetries: wire.max_retries,
      delaySeconds: wire.delay_seconds,
      availableAt: dateOf(wire.available_at),
      deadline: dateOf(wire.deadline),
      expiresAt: dateOf(wire.expires_at),
      idempotencyKey: wire.idempotency_key,
      correlationId: wire.correlation_id,
      fairnessKey: wire.fairness_key,
      tags: wire.tags,
      dependsOn: wire.depends_on?.map(dependencyOf),
    }),
  };
}

const CONDITIONS = ["success", "failure", "always"] as const;

/** Anything but a word is a predicate on the parent's result. */
export function conditionOf(
  when: string,
): (typeof CONDITIONS)[number] | { readonly resultMatches: string } {
  return CONDITIONS.find((word) => word === when) ?? { resultMatches: when };
}

function dependencyOf(wire: NonNullable<WireSpawn["depends_on"]>[number]): Dependency<string> {
  if (typeof wire === "string") return wire;
  const { task_id: on, when, otherwise } = wire;
  return { on, ...given({ when: when === undefined ? when : conditionOf(when), otherwise }) };
}
