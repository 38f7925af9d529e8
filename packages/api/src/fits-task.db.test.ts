/**
 * A live list decides by the contract's `fitsTask` what belongs to it, a page by the engine's SQL:
 * of any conditions both must say the same.
 */
import assert from "node:assert/strict";

import {
  AbsurdClient,
  TASK_FIELDS,
  TASK_STATUSES,
  type TaskCondition,
  type TaskSummary,
} from "@contimg/absurd";
import { fitsTask } from "@contimg/contract";
import { freshDatabase, setClock, sqlWorker } from "@contimg/testkit";
import * as fc from "fast-check";
import type pg from "pg";
import { beforeAll, test } from "vitest";

import { wireTaskSummary } from "./handlers/task-wire.ts";

const { claim, cycle, maintain, spawn } = sqlWorker;
const database = freshDatabase();
const NOW = new Date("2026-03-01T12:05:00Z");

let client: AbsurdClient;
let all: readonly TaskSummary[];

/** Tasks in every status, of two queues and names, minutes apart. */
beforeAll(async () => {
  const { db } = await sqlWorker.emptyEngine(database, {});
  await db.query(
    `select absurd.register_kinds('[{"task_name": "image"}, {"task_name": "image-fast"}]')`,
  );
  const worker = await sqlWorker.registerWorker(db);
  for (let minute = 0; minute < 3; minute++) await live(db, worker, minute);
  await setClock(db, NOW.toISOString());
  await maintain(db, worker);
  client = new AbsurdClient(db);
  all = (await client.list({ conditions: [] }, { limit: 500 })).tasks;
  assert.equal(new Set(all.map((each) => each.status)).size, TASK_STATUSES.length);
});

type Worker = Awaited<ReturnType<typeof sqlWorker.registerWorker>>;

async function live(db: pg.Client, worker: Worker, minute: number): Promise<void> {
  await setClock(db, `2026-03-01T12:0${minute}:00Z`);
  const spawned = await spawn(
    db,
    Array.from({ length: 8 }, (_, i) => ({
      task_name: i % 3 === 1 ? "image-fast" : "image",
      queue_name: i % 4 === 3 ? "other" : "default",
      priority: i % 2,
      params: { size: i },
      ...(i % 3 === 0 ? { tags: ["Night", `n${i}`] } : {}),
      ...(i % 2 === 0 ? { correlation_id: `c${i}` } : {}),
    })),
  );
  await spawn(db, [{ task_name: "image", delay_seconds: 900, tags: ["late"] }]);
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

const NUMBERS = ["priority", "attempt", "age", "wait", "run"];
const INSTANTS = ["created", "started", "ended"];
const times = ["12:00:00", "12:01:00", "12:01:21", "12:02:22"].map(
  (time) => new Date(`2026-03-01T${time}Z`),
);
const TEXTS = ["image", "image-fast", "IMAGE", "other", "c2", "c", "Night", "night", "n3", "fatal"];

const condition: fc.Arbitrary<TaskCondition> = fc
  .constantFrom(...TASK_FIELDS.filter((field) => field !== "param" && field !== "key"))
  .chain((field) =>
    fc.record({
      field: fc.constant(field),
      not: fc.boolean(),
      op: opsOf(field),
      values: of(field),
    }),
  );

function opsOf(field: TaskCondition["field"]): fc.Arbitrary<TaskCondition["op"]> {
  if (["status", "id", "parent"].includes(field)) return fc.constant("is");
  if (field === "text") return fc.constant("contains");
  return [...NUMBERS, ...INSTANTS].includes(field)
    ? fc.constantFrom("is", "lt", "lte", "gt", "gte")
    : fc.constantFrom("is", "prefix", "contains");
}

function of(field: TaskCondition["field"]): fc.Arbitrary<(string | number | Date)[]> {
  const some = <T>(...values: T[]): fc.Arbitrary<T[]> =>
    fc.array(fc.constantFrom(...values), { minLength: 1, maxLength: 2 });
  if (field === "status") return some(...TASK_STATUSES);
  if (INSTANTS.includes(field)) return some(...times);
  if (NUMBERS.includes(field)) return some(0, 1, 2, 21, 120, 180, 282);
  if (field === "id" || field === "parent") {
    return fc
      .array(fc.nat(60), { minLength: 1, maxLength: 3 })
      .map((places) => places.map((place) => all[place % all.length]!.taskId));
  }
  return some(...TEXTS, "w", "Test", "as asked", "TaskCancelled", "array", "");
}

test("what fits by its summary is what a page has", { timeout: 120_000 }, async () => {
  const told = { true: 0, false: 0, undefined: 0 };
  await fc.assert(
    fc.asyncProperty(fc.array(condition, { minLength: 1, maxLength: 3 }), async (conditions) => {
      const page = await client.list({ conditions }, { limit: 500, searchMs: 60_000 });
      const ids = new Set(page.tasks.map((each) => each.taskId));
      for (const task of all) {
        const fits = fitsTask(conditions, wireTaskSummary(task), NOW);
        told[`${fits}`]++;
        if (fits !== undefined) assert.equal(fits, ids.has(task.taskId), JSON.stringify(task));
      }
    }),
    { numRuns: Number(process.env["PROPERTY_RUNS"] ?? 250) },
  );
  assert.ok(told.true > 300 && told.false > 300, `it decided of few: ${JSON.stringify(told)}`);
  assert.ok(told.undefined < told.true + told.false, "it seldom decides");
});
