/** `absurd dlq`, `absurd cancel` by filter and the rarer flags of `absurd spawn`, as processes. */
import assert from "node:assert/strict";

import { describe, test } from "vitest";

import { freshDatabase, sqlWorker } from "@contimg/testkit";

import { type Ran, runAbsurd } from "./testing/run-absurd.ts";

const { claim, cycle, registerWorker, spawn: spawnTasks, task } = sqlWorker;
const database = freshDatabase();

function run(args: readonly string[]): Promise<Ran> {
  return runAbsurd(args, database.url);
}

async function json<T>(args: readonly string[]): Promise<T> {
  const result = await run([...args, "--json"]);
  assert.equal(result.exitCode, 0, result.errors);
  return JSON.parse(result.output) as T;
}

describe("absurd", () => {
  test("lists, groups, replays and discards dead tasks", async () => {
    const db = await database.connect();
    await db.query(`select absurd.register_kinds('[{"task_name": "noop"}]')`);
    await spawnTasks(db, [task({ max_retries: 0 }), task({ max_retries: 0 })]);
    const worker = await registerWorker(db);
    const held = await claim(db, worker, 2);
    await cycle(db, worker, { failed: held.map((each) => [each, "fatal"] as const) });

    const { tasks } = await json<{ tasks: { taskId: string; fingerprint: string }[] }>([
      "dlq",
      "list",
    ]);
    assert.equal(tasks.length, 2);
    const { groups } = await json<{ groups: { fingerprint: string; count: number }[] }>([
      "dlq",
      "groups",
    ]);
    const { fingerprint } = groups[0]!;
    assert.deepEqual([groups.length, groups[0]!.count], [1, 2]);
    await json(["dlq", "group", fingerprint, "--state", "acknowledged", "--assignee", "ann"]);
    assert.match((await run(["dlq", "groups"])).output, /acknowledged +ann +as asked/);

    const dry = await run(["dlq", "replay", "--fingerprint", fingerprint, "--dry-run"]);
    assert.match(dry.output, /2 would be replayed/);
    const replayed = await run(["dlq", "replay", tasks[0]!.taskId, "--params-patch", '{"a":1}']);
    assert.match(replayed.output, /1 replayed/);
    const discarded = await run(["dlq", "discard", "--tag", "Test", "--reason", "known"]);
    assert.match(discarded.output, /1 discarded/);
    const { rows } = await db.query("select status, params from absurd.tasks order by task_number");
    assert.deepEqual(rows, [
      { status: "pending", params: { a: 1 } },
      { status: "cancelled", params: {} },
    ]);
  });

  test("cancels by filter, and first says what it would cancel", async () => {
    const db = await database.connect();
    await spawnTasks(db, [task({ tags: ["night"] }), task({ tags: ["night"] })]);
    const dry = await json<{ tasks: unknown[] }>(["cancel", "--filter", "tag:night", "--dry-run"]);
    assert.equal(dry.tasks.length, 2);
    assert.match(
      (await run(["cancel", "--filter", "tag:night status:pending"])).output,
      /2 cancelled or told to stop/,
    );
  });

  test("retries all that fit a filter, and leaves others alone", async () => {
    const db = await database.connect();
    await db.query(`select absurd.register_kinds('[{"task_name": "noop"}]')`);
    await spawnTasks(db, [
      // Before what other tests left.
      task({ max_retries: 0, tags: ["re-a"], priority: 9 }),
      task({ max_retries: 0, tags: ["re-b"], priority: 9 }),
    ]);
    const worker = await registerWorker(db);
    const held = await claim(db, worker, 10);
    await cycle(db, worker, { failed: held.map((each) => [each, "fatal"] as const) });

    const dry = await run(["retry", "--filter", "tag:re-* -tag:re-a", "--dry-run"]);
    assert.match(dry.output, /1 would be retried/);
    const retried = await json<{ filter: string; tasks: { what: string }[] }>([
      ...["retry", "--filter", "tag:re-* -tag:re-a"],
    ]);
    assert.equal(retried.filter, "tag:re-* -tag:re-a status:failed,cancelled");
    assert.deepEqual(
      retried.tasks.map((each) => each.what),
      ["retried"],
    );
    const { rows } = await db.query(
      "select status from absurd.tasks where tags && '{re-a,re-b}' order by task_number",
    );
    assert.deepEqual(
      rows.map((each: { status: string }) => each.status),
      ["failed", "pending"],
    );
  });

  test("spawns with the rarer options", async () => {
    const db = await database.connect();
    const args = ["spawn", "noop", "--params", '{"tile":{"id":7}}', "--dedupe-seconds", "3600"];
    const more = ["--dedupe-by", "tile.id", "--deadline", "2999-01-01T00:00:00Z"];
    const retry = ["--retry", '{"byTag":{"Busy":{"maxRetries":9}}}'];
    const trace = ["--traceparent", `00-${"a".repeat(32)}-${"b".repeat(16)}-01`];
    const all = [...args, ...more, ...retry, ...trace, "--expires-in", "1e8"];
    const first = await json<{ taskId: string; created: boolean }>(all);
    assert.deepEqual(await json(all), { taskId: first.taskId, created: false });
    const { rows } = await db.query(
      `select policy, deadline_at is not null as deadline, expires_at is not null as expires,
              trace_context ->> 'traceparent' as trace
         from absurd.task where id = absurd.task_number($1)`,
      [first.taskId],
    );
    assert.deepEqual(rows, [
      {
        policy: { retry: { by_tag: { Busy: { max_retries: 9 } } } },
        deadline: true,
        expires: true,
        trace: trace[1],
      },
    ]);
  });

  test("says what is wrong in one line and in its exit code", async () => {
    const cases: readonly [string[], number, RegExp][] = [
      [["cancel"], 2, /expected task ids or --filter/],
      [["cancel", "--filter", " "], 2, /--filter is empty, expected a condition/],
      [["retry", "--filter", "age>2"], 2, /\n {6}\^ expected a duration with its unit/],
      [["dlq", "replay"], 2, /expected one, task ids or --all/],
      [["dlq", "discard", "--failed-to", "yesterday"], 2, /--failed-to .*'yesterday'.*zone/],
      [["dlq", "group", "feed", "--note", "x"], 3, /no group of errors has the fingerprint "feed"/],
      [["spawn", "noop", "--deadline", "2026-03-01T12:00:00"], 2, /--deadline .*zone/],
      [["spawn", "noop", "--retry", '{"fatal":{}}'], 2, /task 0 of the batch: retry/],
      [["spawn", "noop", "--dedupe-by", "a"], 2, /expected --dedupe-seconds/],
      [["spawn", "noop", "--key-ttl", "5"], 2, /idempotencyKeyTtlSeconds/],
    ];
    for (const [args, exitCode, message] of cases) {
      const result = await run(args);
      assert.equal(result.exitCode, exitCode, result.errors);
      assert.match(result.errors, message);
      assert.doesNotMatch(result.errors, /\n\s+at /);
    }
  });
});
