/** Tasks: see the contract's task.ts. Reads and spawns; the story of one is in task-story.ts. */
import type { AbsurdClient } from "@contimg/absurd";
import type { spawned, SpawnRequest, Task, TASK_ROUTES } from "@contimg/contract";
import type { z } from "zod";

import type { Call, HandlersOf } from "../handler.ts";
import { ApiError } from "../problem.ts";
import { taskFilterOf } from "../task-filter.ts";
import { uuidCursor } from "./cursor.ts";
import { type StoryRoute, storyHandlers } from "./task-story.ts";
import { spawnRequestOf, wireTask, wireTaskSummary } from "./task-wire.ts";
import { given, isKeyOurs, objectOf, wireInstant, workKey } from "./wire-values.ts";

type WireSpawned = z.output<typeof spawned>;
type TaskHandlers = HandlersOf<typeof TASK_ROUTES>;
type ListRoute = "listTasks" | "countTasks" | "getTask" | "listTaskNames";
type ChangeRoute = "cancelTask" | "retryTask" | "moveTask";

export function taskHandlers({ client }: { readonly client: AbsurdClient }): TaskHandlers {
  return {
    ...listHandlers(client),
    ...spawnHandlers(client),
    ...changeHandlers(client),
    ...storyHandlers(client),
  };
}

async function show(client: AbsurdClient, taskId: string): Promise<Task> {
  return wireTask(await client.show(taskId));
}

function listHandlers(client: AbsurdClient): Pick<TaskHandlers, ListRoute> {
  const filterOf = (query: Parameters<typeof taskFilterOf>[0]) =>
    taskFilterOf(query, { now: new Date(), field: "query.q" });
  return {
    async listTasks({ query }) {
      const cursor = uuidCursor(query.cursor);
      const page = await client.list(filterOf(query), { limit: query.limit, cursor });
      return {
        tasks: page.tasks.map(wireTaskSummary),
        next_cursor: page.cursor ?? null,
        complete: page.complete,
        scanned_to: wireInstant(page.scannedTo),
      };
    },
    async countTasks({ query }) {
      const { counts, atLeast } = await client.count(filterOf(query));
      return { counts: { ...counts }, at_least: [...atLeast] };
    },
    getTask: ({ params }) => show(client, params.task_id),
    async listTaskNames({ query: { with_schema: withSchema } }) {
      const names = await client.taskNames();
      return {
        task_names: names.map((each) => ({
          task_name: each.taskName,
          version: each.version,
          is_current: each.isCurrent,
          queue_name: each.queue,
          params_schema: withSchema ? objectOf(each.paramsSchema) : null,
          worker_count: each.workerCount,
        })),
      };
    },
  };
}

function spawnHandlers(
  client: AbsurdClient,
): Omit<TaskHandlers, ListRoute | ChangeRoute | StoryRoute> {
  const spawnAll = async (
    requests: readonly SpawnRequest[],
    workId: string | undefined,
  ): Promise<WireSpawned[]> => {
    const all = requests.map((each, index) => spawnRequestOf(keyed(each, workId, index)));
    const spawned = await client.spawnMany(all);
    return spawned.map(({ taskId, created }, index) => ({
      task_id: taskId,
      // Under a name of ours, who was there before is this very request, cut off.
      created: created || isKeyOurs(requests[index]?.idempotency_key, workId),
    }));
  };
  const spawn = async (body: SpawnRequest, { workId }: Call): Promise<WireSpawned> => {
    const [spawned] = await spawnAll([body], workId);
    return spawned!;
  };
  return {
    spawnTask: ({ body }, call) => spawn(body, call),
    spawnTaskWithDeps: ({ body }, call) => spawn(body, call),
    async spawnTasks({ body }, { workId }) {
      return { tasks: await spawnAll(body.tasks, workId) };
    },
    async respawnTask({ params, body }, { workId }) {
      const task = await client.show(params.task_id);
      const spawned = await client.spawn(task.taskName, body.params ?? task.params, {
        queue: body.queue_name ?? task.queue,
        priority: body.priority ?? task.priority,
        maxRetries: body.max_retries ?? task.maxRetries,
        tags: task.tags,
        ...given({
          timeoutSeconds: task.timeoutSeconds ?? undefined,
          correlationId: task.correlationId ?? undefined,
          idempotencyKey: workId && workKey(workId),
        }),
      });
      return { task_id: spawned.taskId, created: true };
    },
  };
}

function keyed(request: SpawnRequest, workId: string | undefined, index: number): SpawnRequest {
  if (workId === undefined || request.idempotency_key !== undefined) return request;
  return { ...request, idempotency_key: workKey(workId, index) };
}

function changeHandlers(client: AbsurdClient): Pick<TaskHandlers, ChangeRoute> {
  return {
    async cancelTask({ params: { task_id: taskId }, query: { reason } }) {
      const isDone = await client.cancel(taskId, reason);
      const { status } = await client.show(taskId);
      if (!isDone) {
        throw new ApiError("CONFLICT", `task ${taskId} is ${status}: there is nothing to cancel`);
      }
      return { task_id: taskId, what: status === "claimed" ? "requested" : "cancelled" };
    },
    async retryTask({ params: { task_id: taskId }, body: { from_step: step } }) {
      if (step === undefined) await client.retry(taskId);
      else await client.steps.rerunFrom(taskId, step);
      return show(client, taskId);
    },
    async moveTask({ params: { task_id: taskId }, body }) {
      const { queue_name: queue, priority } = body;
      if (queue === undefined && priority === undefined) {
        const message = "expected queue_name, priority or both";
        throw new ApiError("INVALID_PARAMS", `body: ${message}`, {
          faults: [{ field: "body", message }],
        });
      }
      await client.queues.move(taskId, { queue, priority });
      return show(client, taskId);
    },
  };
}
