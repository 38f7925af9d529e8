/** Contract tests of tasks. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";

import type { TASK_ROUTES } from "@contimg/contract";
import { until } from "@contimg/testkit";

import { type CasesOf, NO_TASK } from "./contract-cases.ts";
import { type Stage, UNSERVED } from "./contract-stage.ts";

const ADD = { task_name: "contract-add", params: { a: 1 } };
const noTask = { params: { task_id: NO_TASK } };

/** Queues that take nothing, and what is spawned into one of them. */
export async function fullQueue({ engine }: Stage): Promise<string> {
  const queue = `full-${randomUUID()}`;
  await engine.spawn("contract-add", { a: 1 }, { queue });
  await engine.queues.configure(queue, { pendingMax: 1 });
  return queue;
}

export async function drainingQueue({ engine }: Stage): Promise<string> {
  const queue = `draining-${randomUUID()}`;
  await engine.spawn("contract-add", { a: 1 }, { queue });
  await engine.queues.drain(queue);
  return queue;
}

type SpawnRoute = "spawnTask" | "spawnTaskWithDeps" | "spawnTasks";

function spawnProblems(route: SpawnRoute) {
  const spawn = async (stage: Stage, body: object, idempotencyKey?: string): Promise<unknown> => {
    const options = idempotencyKey === undefined ? {} : { idempotencyKey };
    const task = { ...ADD, ...body };
    if (route === "spawnTasks") return stage.call(route, { body: { tasks: [task] } }, options);
    if (route === "spawnTask") return stage.call(route, { body: task }, options);
    return stage.call(route, { body: { ...task, depends_on: [await stage.idle()] } }, options);
  };
  return {
    UNKNOWN_TASK_NAME: (stage: Stage) => spawn(stage, { task_name: "contract-ad" }),
    QUEUE_DRAINING: async (stage: Stage) =>
      spawn(stage, { queue_name: await drainingQueue(stage) }),
    IDEMPOTENCY_CONFLICT: async (stage: Stage) => {
      const key = randomUUID();
      await spawn(stage, {}, key);
      return spawn(stage, { priority: 3 }, key);
    },
  };
}

export const TASK_CASES: CasesOf<typeof TASK_ROUTES> = {
  listTasks: {
    async answers(stage) {
      const correlationId = randomUUID();
      const ids = [];
      for (let each = 0; each < 3; each += 1) ids.push(await stage.idle({ correlationId }));
      const q = `correlation:${correlationId}`;
      const first = await stage.call("listTasks", { query: { q, limit: 2 } });
      assert.deepEqual(
        first.tasks.map((task) => task.task_id),
        [ids[2], ids[1]],
      );
      const query = { q, limit: 2, cursor: first.next_cursor ?? "" };
      const second = await stage.call("listTasks", { query });
      assert.deepEqual(
        second.tasks.map((task) => task.task_id),
        [ids[0]],
      );
      assert.equal(second.next_cursor, null);
      assert.deepEqual([first.complete, second.complete], [true, true]);
      const shown = first.tasks[1]?.created_at ?? "";
      assert.deepEqual([first.scanned_to, second.scanned_to], [shown, null]);
      const none = { q, queue_name: UNSERVED, task_status: "completed" as const };
      assert.deepEqual((await stage.call("listTasks", { query: none })).tasks, []);
    },
    problems: {
      INVALID_FILTER: (stage) => stage.call("listTasks", { query: { q: "status:open" } }),
      INVALID_CURSOR: (stage) => stage.call("listTasks", { query: { cursor: "next" } }),
    },
  },
  countTasks: {
    async answers(stage) {
      const correlationId = randomUUID();
      await stage.idle({ correlationId });
      await stage.engine.cancel(await stage.idle({ correlationId }));
      const query = { q: `correlation:${correlationId}` };
      const { counts, at_least: atLeast } = await stage.call("countTasks", { query });
      assert.deepEqual([counts.pending, counts.cancelled, counts.failed], [1, 1, 0]);
      assert.deepEqual(atLeast, []);
    },
    problems: { INVALID_FILTER: (stage) => stage.call("countTasks", { query: { q: "age>" } }) },
  },
  spawnTask: {
    async answers(stage) {
      const body = { task_name: "contract-add", params: { a: 2, b: 3 }, tags: ["x"], priority: 4 };
      const { task_id: taskId, created } = await stage.call("spawnTask", { body });
      assert.equal(created, true);
      await stage.reached(taskId, "completed");
      const task = await stage.engine.show(taskId);
      assert.deepEqual([task.result, task.tags, task.priority], [{ sum: 5 }, ["x"], 4]);
    },
    problems: {
      ...spawnProblems("spawnTask"),
      QUEUE_FULL: async (stage) => {
        const body = { ...ADD, queue_name: await fullQueue(stage) };
        return stage.call("spawnTask", { body });
      },
    },
  },
  spawnTasks: {
    async answers(stage) {
      const tasks = [1, 2].map((a) => ({ task_name: "contract-add", params: { a } }));
      const answer = await stage.call("spawnTasks", { body: { tasks } });
      const shown = await Promise.all(answer.tasks.map((each) => stage.engine.show(each.task_id)));
      assert.deepEqual(
        shown.map((task) => task.params),
        [{ a: 1 }, { a: 2 }],
      );
    },
    problems: {
      ...spawnProblems("spawnTasks"),
      QUEUE_FULL: async (stage) => {
        const task = { ...ADD, queue_name: await fullQueue(stage) };
        return stage.call("spawnTasks", { body: { tasks: [task] } });
      },
    },
  },
  spawnTaskWithDeps: {
    async answers(stage) {
      const parents = [await stage.idle(), await stage.idle()];
      const [first, second] = parents;
      const { task_id: taskId } = await stage.call("spawnTaskWithDeps", {
        body: {
          task_name: "contract-add",
          params: { a: 1 },
          depends_on: [first!, { task_id: second!, when: "$.sum > 3", otherwise: "skip" }],
        },
      });
      const task = await stage.call("getTask", { params: { task_id: taskId } });
      assert.deepEqual([task.place, task.unmet_count, task.depends_on], ["waiting", 2, parents]);
    },
    problems: spawnProblems("spawnTaskWithDeps"),
  },
  getTask: {
    async answers(stage) {
      const taskId = await stage.dead();
      const task = await stage.call("getTask", { params: { task_id: taskId } });
      assert.equal(task.status, "failed");
      assert.equal(task.error, "disk is full");
      assert.deepEqual(task.error_detail?.fields, { freeBytes: 0 });
      assert.match(task.error_detail.stack ?? "", /disk is full/);
    },
    problems: { NOT_FOUND: (stage) => stage.call("getTask", noTask) },
  },
  cancelTask: {
    async answers(stage) {
      const idle = { params: { task_id: await stage.idle() }, query: { reason: "no need" } };
      assert.equal((await stage.call("cancelTask", idle)).what, "cancelled");
      assert.equal((await stage.engine.show(idle.params.task_id)).error?.message, "no need");
      const running = await stage.reached(await stage.spawned("run"), "claimed");
      const told = await stage.call("cancelTask", { params: { task_id: running } });
      assert.ok(["requested", "cancelled"].includes(told.what));
      await stage.reached(running, "cancelled");
    },
    problems: {
      NOT_FOUND: (stage) => stage.call("cancelTask", noTask),
      CONFLICT: async (stage) =>
        stage.call("cancelTask", { params: { task_id: await stage.dead() } }),
    },
  },
  retryTask: {
    async answers(stage) {
      const cancelled = await stage.idle();
      await stage.engine.cancel(cancelled);
      const task = await stage.call("retryTask", { params: { task_id: cancelled } });
      assert.equal(task.status, "pending");

      const event = randomUUID();
      const failed = await stage.held(event);
      await stage.engine.events.emit(event, "fail");
      await stage.reached(failed, "failed");
      await stage.call("retryTask", { params: { task_id: failed }, body: { from_step: "two" } });
      const steps = await stage.engine.steps.list(failed);
      assert.ok(steps.some((step) => step.step === "one"));
    },
    problems: {
      NOT_FOUND: (stage) => stage.call("retryTask", noTask),
      CONFLICT: async (stage) =>
        stage.call("retryTask", { params: { task_id: await stage.idle() } }),
    },
  },
  respawnTask: {
    async answers(stage) {
      const params = { task_id: await stage.idle({ tags: ["again"] }) };
      const body = { params: { a: 7 }, reason: "with another number" };
      const { task_id: taskId } = await stage.call("respawnTask", { params, body });
      const task = await stage.engine.show(taskId);
      assert.deepEqual([task.params, task.queue, task.tags], [{ a: 7 }, UNSERVED, ["again"]]);
    },
    problems: {
      NOT_FOUND: (stage) => stage.call("respawnTask", noTask),
      QUEUE_FULL: async (stage) => {
        const body = { queue_name: await fullQueue(stage) };
        return stage.call("respawnTask", { params: { task_id: await stage.idle() }, body });
      },
      QUEUE_DRAINING: async (stage) => {
        const body = { queue_name: await drainingQueue(stage) };
        return stage.call("respawnTask", { params: { task_id: await stage.idle() }, body });
      },
    },
  },
  moveTask: {
    async answers(stage) {
      const params = { task_id: await stage.idle() };
      const body = { queue_name: "nobody-else", priority: 9 };
      const task = await stage.call("moveTask", { params, body });
      assert.deepEqual([task.queue_name, task.priority], ["nobody-else", 9]);
    },
    problems: {
      NOT_FOUND: (stage) => stage.call("moveTask", { ...noTask, body: { priority: 1 } }),
      CONFLICT: async (stage) => {
        const params = { task_id: await stage.dead() };
        return stage.call("moveTask", { params, body: { priority: 1 } });
      },
    },
  },
  listAttempts: {
    async answers(stage) {
      const params = { task_id: await stage.dead("no space") };
      const { attempts } = await stage.call("listAttempts", { params });
      assert.deepEqual(
        attempts.map((each) => [each.attempt, each.ending, each.error?.message, each.worker_id]),
        [[1, "fatal", "no space", stage.worker.name]],
      );
    },
    problems: { NOT_FOUND: (stage) => stage.call("listAttempts", noTask) },
  },
  listSteps: {
    async answers(stage) {
      const params = { task_id: await stage.held(randomUUID()) };
      const { steps } = await stage.call("listSteps", { params });
      const kept = steps.filter((each) => !each.step.startsWith("$"));
      assert.deepEqual(
        kept.map((each) => [each.step, each.value]),
        [
          ["one", { kept: true }],
          ["two", 2],
        ],
      );
    },
    problems: { NOT_FOUND: (stage) => stage.call("listSteps", noTask) },
  },
  readLog: {
    async answers(stage) {
      const event = randomUUID();
      const params = { task_id: await stage.held(event) };
      await stage.engine.events.emit(event, "done");
      await stage.reached(params.task_id, "completed");
      const read = (query: { level?: "warn"; limit?: number; after?: string }) =>
        stage.call("readLog", { params, query });
      await until(async () => (await read({ level: "warn" })).lines.length > 0, { what: "a line" });
      const warned = await read({ level: "warn" });
      assert.deepEqual(
        warned.lines.map((line) => line.message),
        ["goes on"],
      );
      assert.equal(warned.ended, true);
      const first = await read({ limit: 1 });
      assert.deepEqual([first.lines[0]?.message, first.ended], ["waits", false]);
      const rest = await read({ after: first.lines[0]?.line ?? "" });
      assert.equal(rest.lines.at(-1)?.message, "goes on");
    },
    problems: { NOT_FOUND: (stage) => stage.call("readLog", noTask) },
  },
  explainTask: {
    async answers(stage) {
      const params = { task_id: await stage.idle() };
      const { explanations } = await stage.call("explainTask", { params });
      assert.ok(explanations.length > 0);
      assert.match(explanations[0]?.message ?? "", /worker/);
    },
    problems: { NOT_FOUND: (stage) => stage.call("explainTask", noTask) },
  },
  getLineage: {
    async answers(stage) {
      const parent = await stage.reached(await stage.spawned("parent"), "completed");
      const { children } = await stage.call("getLineage", { params: { task_id: parent } });
      assert.deepEqual(
        children.map((each) => each.task_name),
        ["contract-add"],
      );
      const child = { params: { task_id: children[0]?.task_id ?? "" } };
      assert.equal((await stage.call("getLineage", child)).parent?.task_id, parent);
    },
    problems: { NOT_FOUND: (stage) => stage.call("getLineage", noTask) },
  },
  listTaskNames: {
    async answers(stage) {
      const { task_names: names } = await stage.call("listTaskNames");
      const add = names.find((each) => each.task_name === "contract-add");
      assert.deepEqual([add?.queue_name, add?.is_current, add?.worker_count], ["default", true, 1]);
      assert.ok(add?.params_schema?.["properties"]);
    },
    problems: {},
  },
};
