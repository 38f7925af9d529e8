/** What a person does from a terminal is noted with who, what and why, and taken back. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { userInfo } from "node:os";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import type pg from "pg";
import { beforeAll, describe, test } from "vitest";

import { freshDatabase, sqlWorker } from "@contimg/testkit";

const PROGRAM = fileURLToPath(new URL("./absurd.ts", import.meta.url));
const { claim, cycle, registerWorker, spawn, task } = sqlWorker;
const execute = promisify(execFile);
const database = freshDatabase();
let db: pg.Client;

beforeAll(async () => {
  db = await database.connect();
  await db.query(`select absurd.register_kinds('[{"task_name": "noop"}]')`);
});

async function run(...args: readonly string[]): Promise<string> {
  const env = { ...process.env, ABSURD_DATABASE_URL: database.url };
  return (await execute(process.execPath, [PROGRAM, ...args], { env })).stdout;
}

async function json<T>(...args: readonly string[]): Promise<T> {
  return JSON.parse(await run(...args, "--json")) as T;
}

interface Acted {
  readonly action: { readonly bulk_id: string; readonly done: number };
}

async function statuses(tag: string): Promise<string[]> {
  const { rows } = await db.query<{ status: string }>(
    "select status from absurd.tasks where tags && array[$1] order by task_number",
    [tag],
  );
  return rows.map((row) => row.status);
}

async function lastNote(): Promise<Record<string, unknown>> {
  const { rows } = await db.query<Record<string, unknown>>(
    `select actor, role, action, target, reason, status
       from absurd_api.audit order by audit_id desc limit 1`,
  );
  return rows[0]!;
}

function noteOf(action: string, target: string, reason: string | null, status = 200) {
  return { actor: userInfo().username, role: "admin", action, target, reason, status };
}

describe("absurd", () => {
  test("cancels by filter, those that run last, as one action that undo takes back", async () => {
    await spawn(db, [
      task({ tags: ["a"], priority: 9 }),
      task({ tags: ["a"] }),
      task({ tags: ["a"] }),
    ]);
    const worker = await registerWorker(db);
    const [held] = await claim(db, worker, 1);
    const { action, tasks } = await json<Acted & { tasks: { taskId: string }[] }>(
      ...["cancel", "--filter", "tag:a", "--reason", "the wrong field"],
    );
    assert.equal(action.done, 3);
    const { rows } = await db.query<{ id: string }>("select absurd.task_uuid($1) as id", [
      held!.task_id,
    ]);
    assert.equal(tasks.at(-1)!.taskId, rows[0]!.id);
    assert.deepEqual(await lastNote(), noteOf("startBulk", action.bulk_id, "the wrong field"));
    assert.deepEqual(await statuses("a"), ["claimed", "cancelled", "cancelled"]);
    assert.match(await run("undo"), new RegExp(`cancel +${action.bulk_id} +completed +3 +3 +0 `));

    const preview = await json<Record<string, unknown>>("undo", action.bulk_id, "--dry-run");
    assert.deepEqual([preview["undoable"], preview["gone_on"], preview["beyond"]], [2, 0, 1]);
    assert.match(
      await run("undo", action.bulk_id, "--dry-run"),
      /taken back\n2 would be taken back, 0 have gone on since\n1 ran and were told to stop/,
    );
    assert.deepEqual(await statuses("a"), ["claimed", "cancelled", "cancelled"]);

    assert.match(await run("undo", action.bulk_id, "--reason", "it was right"), /^2 of 3 taken/);
    assert.deepEqual(await lastNote(), noteOf("undoBulk", action.bulk_id, "it was right"));
    assert.deepEqual(await statuses("a"), ["claimed", "pending", "pending"]);
    await assert.rejects(run("undo", action.bulk_id), /is undone already/);
    await cycle(db, worker, { failed: [[held!, "cancelled"]] });
  });

  test("replays and discards the dead, and takes it back", async () => {
    await spawn(
      db,
      [1, 2, 3].map(() => task({ tags: ["dead"], max_retries: 0, priority: 9 })),
    );
    const worker = await registerWorker(db);
    const held = await claim(db, worker, 3);
    await cycle(db, worker, { failed: held.map((each) => [each, "fatal"] as const) });
    const replay = await json<Acted>("dlq", "replay", "--name", "noop", "--reason", "a try");
    assert.deepEqual(await lastNote(), noteOf("startBulk", replay.action.bulk_id, "a try"));
    assert.deepEqual(await statuses("dead"), ["pending", "pending", "pending"]);
    assert.match(await run("undo", replay.action.bulk_id), /^3 of 3 taken back/);
    assert.deepEqual(await statuses("dead"), ["failed", "failed", "failed"]);
    const discard = await json<Acted>("dlq", "discard", "--tag", "Test", "--limit", "2");
    assert.equal(discard.action.done, 2);
    assert.deepEqual(await statuses("dead"), ["cancelled", "cancelled", "failed"]);
    await run("dlq", "replay", "--all", "--keep-attempts", "--reason", "once more");
    assert.deepEqual(await lastNote(), noteOf("replayDeadLetters", "", "once more"));
  });

  test("notes what is done to a queue, a worker and single tasks, refusals, too", async () => {
    await run("queues", "pause", "night", "--reason", "the disk is full");
    assert.deepEqual(await lastNote(), noteOf("pauseQueue", "night", "the disk is full"));
    const { id: workerId } = await registerWorker(db);
    await run("workers", "drain", String(workerId), "--reason", "new memory");
    assert.deepEqual(await lastNote(), noteOf("drainWorker", String(workerId), "new memory"));
    await assert.rejects(run("workers", "drain", "999999"), /no worker/);
    assert.deepEqual(await lastNote(), noteOf("drainWorker", "999999", null, 404));
    const [spawned] = await spawn(db, [task({})]);
    await run("cancel", spawned!.task_id, "--reason", "clouds");
    assert.deepEqual(await lastNote(), noteOf("cancelTask", spawned!.task_id, "clouds"));
  });

  test("says of a queue how much ends a minute and when it drains", async () => {
    assert.match(
      await run("queues"),
      /QUEUE .*ENDS\/min +DRAINS IN[^]*default +open.*Z +[\d.]*[1-9][\d.]* +not at this pace/,
    );
  });
});
