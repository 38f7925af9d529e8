/**
 * What live events do to the pages' data: rows and details are patched at once, lists and sums that
 * an event makes old are asked for again, at most every two seconds.
 */
import type { InfiniteData, QueryClient } from "@tanstack/react-query";
import type { LiveEvent, Task, TaskPage, TaskSummary, TaskUpdate } from "@contimg/contract";

const INVALIDATE_MS = 2_000;

/** The first member of the query keys that a task's change makes old. */
const OF_TASKS = ["task-counts", "task-head", "overview", "workflows", "dead-letters"] as const;

export interface LiveCache {
  readonly onEvents: (events: readonly LiveEvent[]) => void;
  readonly stop: () => void;
}

export function createLiveCache(queries: QueryClient): LiveCache {
  const old = new Map<string, readonly unknown[]>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let lastAt = 0;

  function makeOld(...key: readonly unknown[]): void {
    old.set(JSON.stringify(key), key);
    timer ??= setTimeout(flush, Math.max(0, lastAt + INVALIDATE_MS - Date.now()));
  }

  function flush(): void {
    timer = undefined;
    lastAt = Date.now();
    const keys = [...old.values()];
    old.clear();
    for (const queryKey of keys) void queries.invalidateQueries({ queryKey });
  }

  function onEvents(events: readonly LiveEvent[]): void {
    const updates = new Map<string, TaskUpdate>();
    for (const event of events) {
      if (event.type === "task_update") updates.set(event.task_id, event);
      else if (event.type === "stale") makeOld(event.what);
      else if (event.type === "gap") makeOld();
      else if (event.type === "progress") {
        queries.setQueryData<Task>(["task", event.task_id, "detail"], (task) =>
          task ? { ...task, progress: event.progress } : task,
        );
      } else {
        queries.setQueryData(["queues", "stats"], event.queues);
        makeOld("queues", "detailed");
      }
    }
    if (updates.size === 0) return;
    patchTasks(queries, updates);
    for (const key of OF_TASKS) makeOld(key);
    for (const id of updates.keys()) {
      if (queries.getQueryCache().findAll({ queryKey: ["task", id] }).length > 0) {
        makeOld("task", id);
      }
    }
  }

  return {
    onEvents,
    stop: () => {
      clearTimeout(timer);
    },
  };
}

function patchTasks(queries: QueryClient, updates: ReadonlyMap<string, TaskUpdate>): void {
  for (const update of updates.values()) {
    queries.setQueryData<Task>(["task", update.task_id, "detail"], (task) =>
      task ? patched(task, update) : task,
    );
  }
  queries.setQueriesData<InfiniteData<TaskPage>>({ queryKey: ["task-pages"] }, (data) => {
    if (!data) return data;
    const isTouched = (page: TaskPage) => page.tasks.some((task) => updates.has(task.task_id));
    if (!data.pages.some(isTouched)) return data;
    const pages = data.pages.map((page) =>
      isTouched(page)
        ? { ...page, tasks: page.tasks.map((task) => patchedIn(task, updates)) }
        : page,
    );
    return { ...data, pages };
  });
}

function patchedIn(task: TaskSummary, updates: ReadonlyMap<string, TaskUpdate>): TaskSummary {
  const update = updates.get(task.task_id);
  return update ? patched(task, update) : task;
}

/** What an update says of a task; an update older than what is known says nothing. */
export function patched<T extends TaskSummary>(task: T, update: TaskUpdate): T {
  if (update.attempt < task.attempt) return task;
  const isEnded = ["completed", "failed", "cancelled"].includes(update.status);
  return {
    ...task,
    status: update.status,
    attempt: update.attempt,
    worker_id: update.worker_id ?? task.worker_id,
    error: update.error ?? (update.status === "completed" ? null : task.error),
    claimed_at: update.status === "claimed" ? update.at : task.claimed_at,
    completed_at: isEnded ? update.at : null,
  };
}
