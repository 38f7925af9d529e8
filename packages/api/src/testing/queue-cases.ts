/** Contract tests of queues, workers, limits and events. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";

import type { LIMIT_ROUTES, QUEUE_ROUTES, WORKER_ROUTES } from "@contimg/contract";
import { until } from "@contimg/testkit";

import type { CasesOf } from "./contract-cases.ts";
import { type Stage, UNSERVED } from "./contract-stage.ts";

async function newQueue(stage: Stage): Promise<string> {
  const queue = `queue-${randomUUID()}`;
  await stage.idle({ queue });
  return queue;
}

export const QUEUE_CASES: CasesOf<typeof QUEUE_ROUTES> = {
  listQueueNames: {
    async answers(stage) {
      const queue = await newQueue(stage);
      assert.ok((await stage.call("listQueueNames")).includes(queue));
    },
    problems: {},
  },
  listQueueStats: {
    async answers(stage) {
      const queue = await newQueue(stage);
      const stats = await stage.call("listQueueStats");
      assert.equal(stats.find((each) => each.queue_name === queue)?.pending, 1);
    },
    problems: {},
  },
  getQueueStats: {
    async answers(stage) {
      const queue_name = await newQueue(stage);
      const stats = await stage.call("getQueueStats", { params: { queue_name } });
      assert.deepEqual([stats.pending, stats.total], [1, 1]);
      const empty = `empty-${randomUUID()}`;
      await stage.engine.queues.configure(empty, { weight: 2 });
      const none = await stage.call("getQueueStats", { params: { queue_name: empty } });
      assert.deepEqual([none.queue_name, none.total], [empty, 0]);
    },
    problems: {
      NOT_FOUND: (stage) => stage.call("getQueueStats", { params: { queue_name: "no-such" } }),
    },
  },
  listQueues: {
    async answers(stage) {
      const name = await newQueue(stage);
      const { queues } = await stage.call("listQueues");
      const queue = queues.find((each) => each.queue_name === name);
      assert.deepEqual([queue?.ready, queue?.paused, queue?.pending_max], [1, false, null]);
      assert.ok(queue?.oldest_at);
      assert.equal(queue.drains_in_seconds, null);
    },
    problems: {},
  },
  configureQueue: {
    async answers(stage) {
      const params = { queue_name: await newQueue(stage) };
      const body = { running_max: 3, weight: 5, priority_mode: "aging" as const };
      const queue = await stage.call("configureQueue", { params, body });
      assert.deepEqual([queue.running_max, queue.weight, queue.priority_mode], [3, 5, "aging"]);
      const freed = await stage.call("configureQueue", { params, body: { running_max: null } });
      assert.deepEqual([freed.running_max, freed.weight], [null, 5]);
    },
    problems: {},
  },
  pauseQueue: {
    async answers(stage) {
      const params = { queue_name: await newQueue(stage) };
      assert.equal((await stage.call("pauseQueue", { params })).paused, true);
    },
    problems: {},
  },
  resumeQueue: {
    async answers(stage) {
      const params = { queue_name: await newQueue(stage) };
      await stage.engine.queues.pause(params.queue_name);
      assert.equal((await stage.call("resumeQueue", { params })).paused, false);
    },
    problems: {},
  },
  drainQueue: {
    async answers(stage) {
      const params = { queue_name: await newQueue(stage) };
      const body = { reason: "the disk is changed" };
      assert.equal((await stage.call("drainQueue", { params, body })).draining, true);
    },
    problems: {},
  },
  getMetricsHistory: {
    async answers(stage) {
      await stage.reached(await stage.spawned("add", { a: 1 }), "completed");
      const query = { hours: 3, task_name: "contract-add" };
      const read = () => stage.call("getMetricsHistory", { query });
      const completed = async () => {
        await stage.pool.query("select absurd.roll_up()");
        return (await read()).steps.reduce((sum, each) => sum + each.completed, 0);
      };
      await until(async () => (await completed()) > 0, { what: "it is rolled up" });
      const { steps } = await read();
      assert.equal(steps.length, 4);
      const last = steps.findLast((each) => each.completed > 0);
      assert.ok((last?.execution_time_sec?.p95 ?? 0) > 0);
      const day = await stage.call("getMetricsHistory", { query: { resolution: "1d" } });
      assert.equal(day.steps.length, 2);
    },
    problems: {},
  },
};

/** One of another language: it has registered itself, and does nothing by itself. */
async function silentWorker(stage: Stage): Promise<{
  params: { number: number };
  body: { epoch: string; memory_bytes: number };
  /** Its last beat was so long ago; null: it is gone. */
  silence: (seconds: number | null) => Promise<unknown>;
}> {
  const { rows } = await stage.pool.query<{ id: number }>(
    "select absurd.register_worker('silent', 7, 30000, '{empty}', 1) as id",
  );
  const number = rows[0]!.id;
  return {
    params: { number },
    body: { epoch: "7", memory_bytes: 1e9 },
    silence: (seconds) =>
      seconds === null
        ? stage.pool.query("select absurd.leave_worker($1, 7)", [number])
        : stage.pool.query(
            `update absurd.worker set beat_at = beat_at - make_interval(secs => $2)
              where worker_id = $1`,
            [number, seconds],
          ),
  };
}

const noWorker = { params: { number: 2_000_000_000 } };

export const WORKER_CASES: CasesOf<typeof WORKER_ROUTES> = {
  listWorkers: {
    async answers(stage) {
      const running = await stage.reached(await stage.spawned("run"), "claimed");
      const { workers, total } = await stage.call("listWorkers");
      assert.deepEqual([total, workers.length], [1, 1]);
      assert.equal(workers[0]?.worker_id, stage.worker.name);
      assert.ok(workers[0].tasks.some((task) => task.task_id === running));
      assert.ok(workers[0].task_names.includes("contract-add"));
      await stage.engine.cancel(running);
      await stage.reached(running, "cancelled");
    },
    problems: {},
  },
  getWorkerMetrics: {
    async answers(stage) {
      const metrics = await stage.call("getWorkerMetrics");
      assert.deepEqual([metrics.total_workers, metrics.crashed_workers], [1, 0]);
    },
    problems: {},
  },
  beatWorker: {
    async answers(stage) {
      const { params, body, silence } = await silentWorker(stage);
      await silence(20);
      await stage.engine.workers.drain(params.number);
      const { requests } = await stage.call("beatWorker", { params, body });
      assert.deepEqual(requests, [
        { kind: "drain", task_id: null, attempt: null, reason: null, grace_seconds: 30 },
      ]);
      const workers = await stage.engine.workers.list();
      const beaten = workers.find(({ workerId }) => workerId === params.number)!;
      assert.ok(beaten.beatAgeSeconds < 19, `${beaten.beatAgeSeconds} s`);
      assert.equal(beaten.memoryBytes, 1e9);
      await silence(null);
    },
    problems: {
      NOT_FOUND: (stage) => stage.call("beatWorker", { ...noWorker, body: { epoch: "1" } }),
      CONFLICT: async (stage) => {
        const { params, body, silence } = await silentWorker(stage);
        const other = { params, body: { epoch: "8" } };
        await assert.rejects(stage.call("beatWorker", other), /was declared dead/);
        await silence(null);
        // Nor with its own, once it is gone.
        return stage.call("beatWorker", { params, body });
      },
    },
  },
  drainWorker: {
    async answers(stage) {
      const params = { number: stage.worker.id };
      const worker = await stage.call("drainWorker", { params });
      assert.ok(["draining", "stale"].includes(worker.state));
      await stage.engine.workers.resume(params.number);
    },
    problems: { NOT_FOUND: (stage) => stage.call("drainWorker", noWorker) },
  },
  resumeWorker: {
    async answers(stage) {
      const params = { number: stage.worker.id };
      await stage.engine.workers.drain(params.number);
      assert.notEqual((await stage.call("resumeWorker", { params })).state, "draining");
    },
    problems: { NOT_FOUND: (stage) => stage.call("resumeWorker", noWorker) },
  },
  stopWorker: {
    async answers(stage) {
      const other = await stage.startWorker();
      const body = { grace_seconds: 0 };
      const worker = await stage.call("stopWorker", { params: { number: other.id }, body });
      assert.equal(worker.worker_id, other.name);
      await other.finished;
    },
    problems: { NOT_FOUND: (stage) => stage.call("stopWorker", noWorker) },
  },
};

const noLimit = { params: { kind: "key" as const, name: "no-such" } };

/** A key that one waits for: nobody may be in. */
async function heldKey(stage: Stage): Promise<{ kind: "key"; name: string }> {
  const name = `key-${randomUUID()}`;
  await stage.engine.spawn(
    "contract-add",
    { a: 1 },
    { queue: UNSERVED, concurrency: [{ key: name, limit: 1 }] },
  );
  return { kind: "key", name };
}

export const LIMIT_CASES: CasesOf<typeof LIMIT_ROUTES> = {
  listLimits: {
    async answers(stage) {
      const { name } = await heldKey(stage);
      const { limits } = await stage.call("listLimits");
      const found = limits.find((each) => each.name === name);
      assert.deepEqual([found?.kind, found?.limit, found?.is_pinned], ["key", 1, false]);
    },
    problems: {},
  },
  getLimit: {
    async answers(stage) {
      const { holders, waiters } = await stage.call("getLimit", { params: await heldKey(stage) });
      assert.equal(holders.length + waiters.length, 1);
    },
    problems: { NOT_FOUND: (stage) => stage.call("getLimit", noLimit) },
  },
  setLimit: {
    async answers(stage) {
      const params = { kind: "rate" as const, name: `rate-${randomUUID()}` };
      const body = { limit: 4, period_seconds: 60 };
      const limit = await stage.call("setLimit", { params, body });
      assert.deepEqual([limit.limit, limit.period_seconds, limit.is_pinned], [4, 60, true]);
    },
    problems: {},
  },
  removeLimit: {
    async answers(stage) {
      const params = { kind: "key" as const, name: `free-${randomUUID()}` };
      await stage.engine.limits.set(params.name, 2);
      await stage.call("removeLimit", { params });
      const { limits } = await stage.call("listLimits");
      assert.ok(!limits.some((each) => each.name === params.name));
    },
    problems: {
      NOT_FOUND: (stage) => stage.call("removeLimit", noLimit),
      CONFLICT: async (stage) => stage.call("removeLimit", { params: await heldKey(stage) }),
    },
  },
  getEvent: {
    async answers(stage) {
      const event_name = `event/${randomUUID()}`;
      const params = { event_name };
      const waiter = await stage.held(event_name);
      assert.deepEqual((await stage.call("getEvent", { params })).waiters, [waiter]);
      await stage.engine.events.emit(event_name, { ok: true });
      const event = await stage.call("getEvent", { params });
      assert.deepEqual([event.payload, event.waiters], [{ ok: true }, []]);
      assert.ok(event.emitted_at);
    },
    problems: {},
  },
  emitEvent: {
    async answers(stage) {
      const params = { event_name: randomUUID() };
      const waiter = await stage.held(params.event_name);
      const first = await stage.call("emitEvent", { params, body: { payload: "go" } });
      assert.equal(first.first, true);
      await stage.reached(waiter, "completed");
      assert.equal((await stage.call("emitEvent", { params })).first, false);
    },
    problems: {},
  },
};
