/** Dead letters: filters, replay, discard, groups of errors, the queue that hears of them. */
import assert from "node:assert/strict";

import { describe, test } from "vitest";

import { freshDatabase, setClock, sqlWorker, until } from "@contimg/testkit";

import { AbsurdClient } from "./client.ts";
import { InvalidFilter, UnknownErrorGroup } from "./errors.ts";
import { rollUpAll } from "./testing/history-stage.ts";

const { claim, cycle, emptyEngine, fence, maintain, spawn, status, task, uuid } = sqlWorker;
const database = freshDatabase();

type Engine = Awaited<ReturnType<typeof emptyEngine>>;

/** Spawns a task for each message and lets it die of it. */
async function die(
  { db, worker }: Engine,
  deaths: readonly { message: string; tag?: string; fields?: object }[],
): Promise<sqlWorker.ClaimRow[]> {
  const dead: sqlWorker.ClaimRow[] = [];
  for (const { message, tag, fields } of deaths) {
    await spawn(db, [task({ max_retries: 0, ...fields })]);
    const [held] = await claim(db, worker, 1);
    const text = await fence(db, worker, held!);
    await db.query("select absurd.fail_task($1, $2, 'retryable', '{}', $3)", [
      text,
      message,
      tag ?? "Error",
    ]);
    dead.push(held!);
  }
  return dead;
}

/** Clients talk through the engine's one connection, whose clock the test sets. */
function clientOf({ db }: Engine): AbsurdClient {
  return new AbsurdClient(db);
}

describe("dead letters", () => {
  test("are listed, oldest death first, by every filter", async () => {
    const engine = await emptyEngine(database, {});
    const client = clientOf(engine);
    await die(engine, [{ message: "a", tag: "Disk", fields: { correlation_id: "n1" } }]);
    await setClock(engine.db, "2026-03-01T12:00:10Z");
    await die(engine, [{ message: "b" }]);
    const messages = async (filter: Parameters<typeof client.deadLetters.list>[0]) =>
      (await client.deadLetters.list(filter)).map((each) => each.error.message);

    const all = await client.deadLetters.list();
    assert.deepEqual(await messages({}), ["a", "b"]);
    assert.deepEqual(await messages({ tag: "Disk" }), ["a"]);
    assert.deepEqual(await messages({ correlationId: "n1" }), ["a"]);
    assert.deepEqual(await messages({ queue: "elsewhere" }), []);
    assert.deepEqual(await messages({ taskName: "noop", errorClass: "retryable" }), ["a", "b"]);
    assert.deepEqual(await messages({ fingerprint: all[1]!.fingerprint! }), ["b"]);
    assert.deepEqual(await messages({ failedFrom: new Date("2026-03-01T12:00:05Z") }), ["b"]);
    assert.deepEqual(await messages({ failedTo: new Date("2026-03-01T12:00:05Z") }), ["a"]);
    assert.deepEqual(await messages({ taskIds: [all[0]!.taskId] }), ["a"]);
  });

  test("are replayed by filter, with patched params, once for two calls at once", async () => {
    const engine = await emptyEngine(database, {});
    const client = clientOf(engine);
    await die(engine, [
      { message: "a", tag: "Disk", fields: { params: { disk: 1, old: true } } },
      { message: "b" },
    ]);
    const dry = await client.deadLetters.replay({ tag: "Disk" }, { dryRun: true });
    assert.equal(dry.length, 1);
    assert.equal((await client.deadLetters.list()).length, 2);

    const other = await database.connect();
    await engine.db.query("begin");
    const patch = { disk: 2, old: null };
    await client.deadLetters.replay({ tag: "Disk" }, { paramsPatch: patch });
    const second = other.query("select * from absurd.replay_dead('{}')");
    await sqlWorker.untilBlocked(await database.connect(), other);
    await engine.db.query("commit");
    assert.equal((await second).rowCount, 1, "the other one is the other call's");

    const claimed = await claim(engine.db, engine.worker, 9);
    assert.equal(claimed.length, 2);
    const { rows } = await engine.db.query(
      "select params from absurd.tasks where task_id = $1",
      dry,
    );
    assert.deepEqual(rows, [{ params: { disk: 2 } }]);
  });

  test("replayed without their attempts get one more", async () => {
    const engine = await emptyEngine(database, {});
    const [dead] = await die(engine, [{ message: "a", fields: { max_retries: 0 } }]);
    await clientOf(engine).deadLetters.replay({}, { resetAttempts: false });
    const [again] = await claim(engine.db, engine.worker, 1);
    await cycle(engine.db, engine.worker, { failed: [[again!, "retryable"]] });
    assert.equal(await status(engine.db, dead!), "failed");
  });

  test("that are discarded count as cancelled, keep their error, and come back by id", async () => {
    const engine = await emptyEngine(database, {});
    const client = clientOf(engine);
    const [dead] = await die(engine, [{ message: "lost for ever", tag: "Disk" }]);
    await rollUpAll(engine.db);
    const ids = await client.deadLetters.discard({ tag: "Disk" }, { reason: "known" });
    const { rows } = await engine.db.query(
      `select status, error, error_detail #>> '{fields,died_of,message}' as of from absurd.tasks`,
    );
    assert.deepEqual(rows, [{ status: "cancelled", error: "known", of: "lost for ever" }]);
    assert.deepEqual(await client.deadLetters.list(), []);
    for (const when of ["before the roll-up", "after it"]) {
      const [stats] = await client.stats();
      assert.deepEqual([stats!.failed, stats!.cancelled, stats!.total], [0, 1, 1], when);
      await rollUpAll(engine.db);
    }
    await client.retry(ids[0]!);
    assert.equal(await status(engine.db, dead!), "pending");
  });

  test("refuse a filter that they do not know", async () => {
    const engine = await emptyEngine(database, {});
    const client = clientOf(engine);
    const wrong: object = { tga: "Disk" };
    await assert.rejects(client.deadLetters.replay(wrong), InvalidFilter);
    await assert.rejects(engine.db.query(`select absurd.replay_dead('{"tga": "Disk"}')`), {
      code: "WF036",
      message: /filter has tga, expected only task_ids/,
    });
  });

  test("are announced in the dead-letter queue once its task name is registered", async () => {
    const engine = await emptyEngine(database, {});
    await clientOf(engine).deadLetters.setQueue("graves");
    await die(engine, [{ message: "unheard" }]);
    await engine.db.query(`select absurd.register_kinds('[{"task_name": "absurd.dead-letter"}]')`);
    const [dead] = await die(engine, [{ message: "no space left", tag: "Disk" }]);

    const { rows } = await engine.db.query(
      `select queue_name, params - 'fingerprint' as params
         from absurd.tasks where task_name = 'absurd.dead-letter'`,
    );
    const of = { taskId: await uuid(engine.db, dead!), taskName: "noop", queue: "default" };
    const why = { attempt: 1, tag: "Disk", class: "retryable", message: "no space left" };
    assert.deepEqual(rows, [{ queue_name: "graves", params: { ...of, ...why } }]);

    await clientOf(engine).deadLetters.setQueue(null);
    await die(engine, [{ message: "unheard" }]);
    assert.equal((await engine.db.query("select from absurd.ready")).rowCount, 1);
  });
});

describe("fingerprints", () => {
  test("are the same for errors that differ in numbers, names and places only", async () => {
    const db = await database.connect();
    const normal = async (message: string) => {
      const { rows } = await db.query<{ text: string }>(
        "select absurd.normalised_message($1) as text",
        [message],
      );
      return rows[0]!.text;
    };
    const alike: readonly (readonly [string, string])[] = [
      ["no file /data/a/17.ms", "no file /scratch/b.ms"],
      ["took 3.5 s of 10", "took -1e-3 s of 200"],
      [
        "task 0190a1b2-0000-7000-8000-000000000000 x",
        "task 0190ffff-1111-7222-8333-444444444444 x",
      ],
      ["at 0xdeadbeef", "at 0x1f"],
      ["commit 9edbcb1af", "commit 0047fc2d1"],
      ["see https://a.example/x?y=1", "see https://b.example/z"],
    ];
    for (const [one, two] of alike) assert.equal(await normal(one), await normal(two));
    assert.notEqual(await normal("no such antenna"), await normal("no such baseline"));
    assert.equal(await normal("feedback and/or faced"), "feedback and/or faced");
  });

  test("group the dead, with an example, and what people say of the group", async () => {
    const engine = await emptyEngine(database, {});
    const { deadLetters } = clientOf(engine);
    await die(engine, [{ message: "disk 1 is full" }, { message: "disk 2 is full" }]);
    await die(engine, [{ message: "disk 1 is full", tag: "Other" }]);
    const [group, other] = await deadLetters.groups();
    assert.deepEqual([group!.count, other!.count], [2, 1]);
    assert.equal(group!.example!.message, "disk 2 is full");
    assert.equal(group!.state, "open");

    await deadLetters.setGroup(group!.fingerprint, { state: "acknowledged", assignee: "ann" });
    await deadLetters.setGroup(group!.fingerprint, { note: "ordered disks" });
    const [said] = await deadLetters.groups();
    assert.deepEqual(
      [said!.state, said!.assignee, said!.note],
      ["acknowledged", "ann", "ordered disks"],
    );
    await assert.rejects(deadLetters.setGroup("feed", {}), UnknownErrorGroup);
  });

  test("of which no task is left resolve their group, open it when they come back", async () => {
    const engine = await emptyEngine(database, {});
    const { deadLetters } = clientOf(engine);
    await die(engine, [{ message: "disk 1 is full" }]);
    const [group] = await deadLetters.groups();
    await deadLetters.setGroup(group!.fingerprint, { state: "acknowledged" });
    const state = async () => (await deadLetters.groups())[0]!.state;

    await deadLetters.replay({});
    await maintain(engine.db, engine.worker);
    assert.equal(await state(), "acknowledged", "the rerun has not passed yet");
    const [again] = await claim(engine.db, engine.worker, 1);
    await cycle(engine.db, engine.worker, { done: [again!] });
    await maintain(engine.db, engine.worker);
    assert.equal(await state(), "resolved");
    const [left] = await deadLetters.groups();
    assert.deepEqual(
      [left!.taskName, left!.tag, left!.message, left!.count, left!.example],
      ["noop", group!.tag, "disk 1 is full", 0, null],
    );

    await setClock(engine.db, "2026-03-01T12:00:10Z");
    await die(engine, [{ message: "disk 3 is full" }]);
    assert.equal(await state(), "open");
  });
});

describe("cancelling many", () => {
  test("takes a filter, spares what runs when asked to, refuses to mean everything", async () => {
    const engine = await emptyEngine(database, {});
    const client = clientOf(engine);
    await spawn(engine.db, [task({ tags: ["night"] }), task({ tags: ["night", "x"] }), task({})]);
    const [held] = await claim(engine.db, engine.worker, 1);
    await assert.rejects(client.cancelMany({}), InvalidFilter);
    await assert.rejects(client.cancelMany({ running: false }), /at least one condition/);

    const dry = await client.cancelMany({ tag: "night" }, { dryRun: true });
    assert.deepEqual(
      dry.map((each) => each.what),
      ["found", "found"],
    );
    const some = await client.cancelMany({ tag: "night", running: false }, { reason: "clouds" });
    assert.deepEqual(
      some.map((each) => each.what),
      ["cancelled"],
    );
    const rest = await client.cancelMany({ taskName: "noop", queue: "default" });
    assert.deepEqual(rest.map((each) => each.what).sort(), ["cancelled", "requested"]);
    assert.equal(await status(engine.db, held!), "claimed");
    await until(async () => (await client.cancelMany({ tag: "night" })).length === 1, {
      what: "only the running one is left",
    });
  });
});
