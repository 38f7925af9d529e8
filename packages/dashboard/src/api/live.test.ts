import assert from "node:assert/strict";

import { type InfiniteData, QueryClient } from "@tanstack/react-query";
import type { LiveEvent, TaskPage, TaskSummary } from "@contimg/contract";
import { afterEach, beforeEach, describe, test, vi } from "vitest";

import { createLiveCache, patched } from "./live-cache.ts";
import { Live } from "./live.ts";

const ID = "01a21ddf-9372-7000-9040-000000000000";
const AT = "2026-01-25T08:08:54Z";
const UPDATE = {
  type: "task_update",
  task_id: ID,
  queue_name: "default",
  task_name: "imaging",
  status: "completed",
  attempt: 2,
  workflow_id: null,
  worker_id: "w",
  error: null,
  at: AT,
} as const satisfies LiveEvent;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe("live events", () => {
  test("go on after the last that was heard, when the stream ends for good", () => {
    const { live, sources, heard } = listening();
    live.start();
    sources[0]!.onopen?.();
    assert.equal(live.pace(2_000), 30_000);
    sources[0]!.say("task_update", UPDATE, "42");
    vi.advanceTimersByTime(300);
    assert.deepEqual(heard, [UPDATE]);

    sources[0]!.readyState = 2;
    sources[0]!.onerror?.();

    assert.equal(live.getState(), "deaf");
    assert.equal(live.pace(2_000), 2_000, "pages poll while nothing is heard");
    vi.advanceTimersByTime(1_000);
    assert.equal(sources[1]?.url, "/absurd/live?last_event_id=42");
  });

  test("of a kind that this page does not know are passed over", () => {
    const { live, sources, heard } = listening();
    live.start();
    sources[0]!.say("message", { type: "news" }, "1");
    sources[0]!.say("stale", { type: "stale", what: "workers", at: AT }, "2");
    vi.advanceTimersByTime(300);
    assert.deepEqual(
      heard.map((event) => event.type),
      ["stale"],
    );
  });

  test("patch the rows they are about and make sums old, once in two seconds", () => {
    const queries = new QueryClient();
    const other = { ...summary(), task_id: ID.replace(/0$/, "1") };
    const untouched = { tasks: [other], next_cursor: null, complete: true, scanned_to: null };
    const data: InfiniteData<TaskPage> = {
      pages: [{ ...untouched, tasks: [summary()], next_cursor: "c" }, untouched],
      pageParams: [],
    };
    queries.setQueryData(["task-pages", ""], data);
    queries.setQueryData(["task-counts", ""], {});
    const invalidate = vi.spyOn(queries, "invalidateQueries");
    const cache = createLiveCache(queries);

    cache.onEvents([UPDATE]);
    cache.onEvents([UPDATE]);
    vi.advanceTimersByTime(2_000);

    const pages = queries.getQueryData<InfiniteData<TaskPage>>(["task-pages", ""])!.pages;
    assert.equal(pages[0]?.tasks[0]?.status, "completed");
    assert.equal(pages[1], untouched, "pages that no event is about are not copied");
    const counts = invalidate.mock.calls.filter(([what]) => what?.queryKey?.[0] === "task-counts");
    assert.equal(counts.length, 1);
    cache.stop();
  });

  test("that come late do not put a task back", () => {
    const task = { ...summary(), attempt: 3, status: "claimed" } as const;
    assert.equal(patched(task, UPDATE), task);
    assert.equal(patched(summary(), UPDATE).completed_at, AT);
  });
});

class FakeSource {
  onopen: (() => void) | undefined;
  onerror: (() => void) | undefined;
  readyState = 1;
  readonly url: string;
  readonly #listeners = new Map<string, (event: unknown) => void>();
  constructor(url: string) {
    this.url = url;
  }
  addEventListener(name: string, listener: (event: unknown) => void): void {
    this.#listeners.set(name, listener);
  }
  say(name: string, data: unknown, lastEventId: string): void {
    this.#listeners.get(name)?.({ data: JSON.stringify(data), lastEventId });
  }
  close(): void {
    this.readyState = 2;
  }
}

function listening() {
  const sources: FakeSource[] = [];
  const heard: LiveEvent[] = [];
  const live = new Live({
    url: "/absurd/live",
    onEvents: (events) => heard.push(...events),
    open: (url) => {
      const source = new FakeSource(url);
      sources.push(source);
      return source as unknown as EventSource;
    },
  });
  return { live, sources, heard };
}

function summary(): TaskSummary {
  return {
    task_id: ID,
    queue_name: "default",
    task_name: "imaging",
    priority: 0,
    status: "claimed",
    attempt: 2,
    max_retries: 3,
    worker_id: null,
    created_at: AT,
    available_at: AT,
    claimed_at: AT,
    completed_at: null,
    wait_time_sec: null,
    execution_time_sec: null,
    error: "before",
    error_tag: null,
    error_class: null,
    tags: [],
    correlation_id: null,
    workflow_id: null,
    parent_task_id: null,
  };
}
