/** A list gives what fits its filter, all of it and nothing else, whatever its budget. */
import assert from "node:assert/strict";

import * as fc from "fast-check";
import type pg from "pg";
import { beforeAll, describe, test } from "vitest";

import { freshDatabase, setClock, sqlWorker } from "@contimg/testkit";

import { AbsurdClient } from "./client.ts";
import { InvalidFilter } from "./errors.ts";
import { TASK_FIELDS, type TaskCondition, type TaskFilter, fieldIs } from "./task-filter.ts";
import { TASK_STATUSES, type TaskView, readTasks } from "./task-view.ts";

const { claim, cycle, maintain, spawn } = sqlWorker;
const database = freshDatabase();
const NOW = "2026-03-01T12:05:00Z";

let db: pg.Client;
let client: AbsurdClient;
let all: TaskView[];

/** Tasks in every status, of several queues, names, tags and params, created minutes apart. */
beforeAll(async () => {
  const engine = await sqlWorker.emptyEngine(database, {});
  db = engine.db;
  client = new AbsurdClient(db);
  await db.query(
    `select absurd.register_kinds('[{"task_name": "image"}, {"task_name": "image-fast"},
                                    {"task_name": "reduce", "queue": "other"}]')`,
  );
  const worker = await sqlWorker.registerWorker(db);
  for (let minute = 0; minute < 4; minute++) {
    await setClock(db, `2026-03-01T12:0${minute}:00Z`);
    const spawned = await spawn(db, tasksOf(minute));
    await spawn(db, [
      { task_name: "image", depends_on: [spawned[0]!.task_id] },
      { task_name: "image", delay_seconds: 900, tags: ["late"] },
    ]);
    await db.query("select absurd.cancel_task($1, 'clouds over the Array')", [spawned[5]!.task_id]);
    const held = await claim(db, worker, 5);
    await setClock(db, `2026-03-01T12:0${minute}:2${minute}Z`);
    await cycle(db, worker, {
      done: held.slice(0, 2),
      failed: [
        [held[2]!, "fatal"],
        [held[3]!, "retryable"],
      ],
    });
  }
  await setClock(db, NOW);
  await maintain(db, worker);
  const { rows } = await db.query<{ task_id: string }>("select task_id from absurd.tasks");
  all = await readTasks(
    db,
    rows.map((each) => each.task_id),
  );
  all.sort((a, b) => (a.taskId < b.taskId ? 1 : -1));
});

function tasksOf(minute: number): object[] {
  return Array.from({ length: 8 }, (_, i) => ({
    task_name: ["image", "image-fast", "reduce"][i % 3],
    queue_name: i % 4 === 3 ? "other" : "default",
    priority: i % 2,
    params: { group: `2026-03-0${minute + 1}`, size: i, deep: { list: ["a", `b${i}`] } },
    tags: i % 3 === 0 ? ["Night", `n${i}`] : [],
    correlation_id: `c${i % 2}`,
    ...(i === 1 ? { idempotency_key: `key-${minute}` } : {}),
  }));
}

/** What a person would say fits, from the whole of a task. */
function fits(task: TaskView, { field, path, op, values, not }: TaskCondition): boolean {
  const found = valuesOf(task, field, path);
  return values.some((value) => found.some((each) => compares(each, op, value))) !== not;
}

function valuesOf(
  task: TaskView,
  field: TaskCondition["field"],
  path?: readonly string[],
): unknown[] {
  const now = new Date(NOW).getTime();
  const seconds = (from: Date | null, to: number | null): number | null =>
    from === null || to === null ? null : (to - from.getTime()) / 1000;
  const one: Readonly<Record<Exclude<TaskCondition["field"], "param">, unknown>> = {
    id: task.taskId,
    status: task.status,
    queue: task.queue,
    name: task.taskName,
    tag: task.tags,
    worker: task.workerName,
    workflow: task.workflowId,
    parent: task.parentTaskId,
    correlation: task.correlationId,
    key: task.idempotencyKey,
    error: task.error?.tag,
    class: task.error?.class,
    message: task.error?.message,
    priority: task.priority,
    attempt: task.attempt,
    age: seconds(task.createdAt, now),
    wait: seconds(task.createdAt, task.claimedAt?.getTime() ?? (task.completedAt ? null : now)),
    run: seconds(task.claimedAt, task.completedAt?.getTime() ?? now),
    created: task.createdAt,
    started: task.claimedAt,
    ended: task.completedAt,
    text: [
      ...[task.taskName, task.correlationId, task.idempotencyKey, task.tags.join(" ")],
      ...[JSON.stringify(task.params), task.error?.tag, task.error?.message],
    ],
  };
  const value =
    field === "param"
      ? (path ?? []).reduce<unknown>(
          (at, key) => (at as Record<string, unknown> | undefined)?.[key],
          task.params,
        )
      : one[field];
  return [value].flat().filter((each) => each !== null && each !== undefined);
}

function compares(found: unknown, op: TaskCondition["op"], value: string | number | Date): boolean {
  if (op === "prefix") return String(found).startsWith(String(value));
  if (op === "contains") return String(found).toLowerCase().includes(String(value).toLowerCase());
  const [a, b] = [found, value].map((each) => (each instanceof Date ? each.getTime() : each));
  if (op === "is") return a === b || String(a) === String(b);
  if (typeof a !== typeof b) return false;
  const left = a as number;
  const right = b as number;
  return { lt: left < right, lte: left <= right, gt: left > right, gte: left >= right }[op];
}

async function listAll(
  filter: TaskFilter,
  page: { limit: number; candidatesMax: number },
): Promise<string[]> {
  const found: string[] = [];
  let cursor: string | undefined;
  for (let pages = 0; pages < 500; pages++) {
    const read = await client.list(filter, { ...page, searchMs: 60_000, cursor });
    assert.ok(read.tasks.length <= page.limit);
    assert.ok(read.complete || read.cursor !== undefined, "an incomplete page goes on");
    found.push(...read.tasks.map((each) => each.taskId));
    if (read.cursor === undefined) return found;
    cursor = read.cursor;
  }
  throw new Error("the cursor never ended");
}

const texts = ["image", "image-fast", "IMAGE", "other", "c1", "key-", "night", "Night", "n3", ""];
const times = ["12:00:00", "12:01:00", "12:01:21", "12:03:23"].map(
  (time) => new Date(`2026-03-01T${time}Z`),
);
const condition: fc.Arbitrary<TaskCondition> = fc.constantFrom(...TASK_FIELDS).chain((field) =>
  fc
    .record({
      not: fc.boolean(),
      op: opsOf(field),
      values: valuesFor(field),
      path: pathOf(field),
    })
    .map(({ path, ...rest }) => ({ field, ...rest, ...(path ? { path } : {}) })),
);

function opsOf(field: TaskCondition["field"]): fc.Arbitrary<TaskCondition["op"]> {
  if (["status", "id", "parent"].includes(field)) return fc.constant("is");
  if (field === "text") return fc.constant("contains");
  return ["priority", "attempt", "age", "wait", "run", "created", "started", "ended"].includes(
    field,
  )
    ? fc.constantFrom("is", "lt", "lte", "gt", "gte")
    : fc.constantFrom("is", "prefix", "contains");
}

function valuesFor(field: TaskCondition["field"]): fc.Arbitrary<(string | number | Date)[]> {
  const some = <T>(...values: T[]): fc.Arbitrary<T[]> =>
    fc.array(fc.constantFrom(...values), { minLength: 1, maxLength: 2 });
  if (field === "status") return some(...TASK_STATUSES);
  if (field === "id" || field === "parent") {
    return fc
      .array(fc.nat(60), { minLength: 1, maxLength: 3 })
      .map((places) => places.map((place) => all[place % all.length]!.taskId));
  }
  if (["created", "started", "ended"].includes(field)) return some(...times);
  if (["priority", "attempt", "age", "wait", "run"].includes(field)) {
    return some(0, 1, 2, 21, 120, 180, 282);
  }
  if (field === "worker") return some("w", "v");
  if (["error", "class", "message"].includes(field)) {
    return some("Test", "fatal", "as asked", "TaskCancelled", "array");
  }
  if (field === "param") return some("2026-03-02", "3", "b1");
  return some(...texts);
}

function pathOf(field: TaskCondition["field"]): fc.Arbitrary<string[] | undefined> {
  return field === "param"
    ? fc.constantFrom(["group"], ["size"], ["none"])
    : fc.constant(undefined);
}

describe("a list", () => {
  test(
    "gives what fits any conditions, newest first, page by page",
    { timeout: 120_000 },
    async () => {
      assert.deepEqual(new Set(all.map((each) => each.status)).size, TASK_STATUSES.length);
      let matched = 0;
      await fc.assert(
        fc.asyncProperty(
          fc.array(condition, { minLength: 1, maxLength: 3 }),
          fc.constantFrom(3, 50),
          fc.constantFrom(7, 20_000),
          async (conditions, limit, candidatesMax) => {
            const expected = all
              .filter((task) => conditions.every((each) => fits(task, each)))
              .map((each) => each.taskId);
            matched += expected.length;
            assert.deepEqual(await listAll({ conditions }, { limit, candidatesMax }), expected);
          },
        ),
        { numRuns: Number(process.env["PROPERTY_RUNS"] ?? 250) },
      );
      assert.ok(matched > 500, `only ${matched} tasks fitted any filter: the test shows nothing`);
    },
  );

  test("counts what it gives, by status", { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(condition, { maxLength: 2 }), async (conditions) => {
        const { counts, atLeast } = await client.count({ conditions }, 1_000, { searchMs: 60_000 });
        const expected = Object.fromEntries(
          TASK_STATUSES.map((status) => [
            status,
            all.filter((t) => t.status === status && conditions.every((each) => fits(t, each)))
              .length,
          ]),
        );
        assert.deepEqual([counts, atLeast], [expected, []]);
      }),
      { numRuns: Number(process.env["PROPERTY_RUNS"] ?? 100) },
    );
  });

  test("counts up to a limit and says so", async () => {
    const completed = all.filter((each) => each.status === "completed").length;
    assert.ok(completed > 3);
    for (const filter of [
      { conditions: [] },
      { conditions: [{ ...fieldIs("text", "zz"), not: true }] },
    ]) {
      const { counts, atLeast } = await client.count(filter, 3);
      assert.equal(counts.completed, 3);
      assert.ok(atLeast.includes("completed"));
    }
  });

  test("looks into numbers, words and lists of params", async () => {
    const param = (path: string[], rest: Partial<TaskCondition>): TaskCondition => ({
      ...fieldIs("param"),
      path,
      ...rest,
    });
    const count = async (each: TaskCondition): Promise<number> =>
      (await client.list({ conditions: [each] }, { limit: 500 })).tasks.length;
    assert.equal(await count(param(["size"], { op: "gte", values: [6] })), 8);
    assert.equal(await count(param(["size"], { op: "gte", values: ["6"] })), 8);
    assert.equal(await count(param(["deep", "list"], { values: ["b3"] })), 4);
    assert.equal(await count(param(["group"], { op: "lt", values: ["2026-03-03"] })), 16);
  });

  test("finds a task by the beginning of its id", async () => {
    const { taskId } = all[7]!;
    for (const length of [13, 18, 36]) {
      const beginning: TaskCondition = { ...fieldIs("id", taskId.slice(0, length)), op: "prefix" };
      const { tasks } = await client.list({ conditions: [beginning] }, { limit: 500 });
      assert.deepEqual(
        tasks.map((each) => each.taskId),
        all.filter((each) => each.taskId.startsWith(taskId.slice(0, length))).map((t) => t.taskId),
      );
    }
  });

  test("refuses a condition that makes no sense, and says what was expected", async () => {
    const wrong: readonly [Partial<TaskCondition>, RegExp][] = [
      [
        { field: "age", op: "contains", values: [1] },
        /condition 1, age: cannot be asked "contains"/,
      ],
      [{ field: "status", values: ["done"] }, /is "done"; expected pending, claimed/],
      [{ field: "priority", values: ["high"] }, /is "high"; expected a number/],
      [{ field: "param", values: ["x"] }, /has no path/],
      [{ field: "id", values: ["x'--"] }, /expected a UUID/],
      [{ field: "tag", values: [] }, /has no value/],
      [{ field: "drop" as "tag", values: ["x"] }, /no such field/],
    ];
    for (const [part, message] of wrong) {
      await assert.rejects(
        client.list({ conditions: [{ ...fieldIs("tag", "x"), ...part }] }),
        (error) => error instanceof InvalidFilter && message.test(error.message),
      );
    }
  });
});
