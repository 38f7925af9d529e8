/** Promises of edges: conditions, alternatives, joins. */
import assert from "node:assert/strict";

import { describe, test } from "vitest";

import { freshDatabase, setClock, sqlWorker, until, workflowWorker } from "@contimg/testkit";

import type { Dependency } from "./dependency.ts";
import { InvalidCondition } from "./errors.ts";

const { T0, claim, cycle, emptyEngine, maintain, registerWorker, spawn, task, untilBlocked, uuid } =
  sqlWorker;
const { claimAll, engine, noop, spawned, statuses, work } = workflowWorker;
const database = freshDatabase();

describe("a condition", () => {
  test("picks the branch that the result asks for, and skips the other", async () => {
    const on = await engine(database);
    const judged = (predicate: string): Dependency<string> => ({
      on: "measure",
      when: { resultMatches: predicate },
      otherwise: "skip",
    });
    const id = await spawned(on, {
      measure: noop(),
      publish: noop(judged("$.rms < 0.5")),
      flag: noop(judged("$.rms >= 0.5")),
      notify: noop("publish"),
    });
    await work(on, { measure: { rms: 0.7 } });
    assert.deepEqual(await work(on), ["flag"]);

    assert.deepEqual(await statuses(on, id), {
      measure: "completed",
      publish: "skipped",
      flag: "completed",
      notify: "skipped",
    });
    assert.equal((await on.client.workflows.show(id)).status, "completed");
  });

  test("that fails on the result, or says neither yes nor no, is not met", async () => {
    const on = await engine(database);
    const id = await spawned(on, {
      measure: noop(),
      missing: noop({ on: "measure", when: { resultMatches: "strict $.rms < 1" } }),
      text: noop({ on: "measure", when: { resultMatches: "$.name < 1" } }),
    });
    await work(on, { measure: { name: "3C48" } });
    const { missing, text } = await statuses(on, id);
    assert.deepEqual([missing, text], ["cancelled", "cancelled"]);
  });

  test("that is none is refused with its place, its text and the reason", async () => {
    const { client } = await engine(database);
    const cases: [string, RegExp][] = [
      ["$.rms <", /task 1 of the batch, "\$\.rms <", is no jsonpath predicate: syntax error/],
      ["$.rms", /task 1 of the batch, "\$\.rms", is a path and no predicate/],
      ["$.rms < $limit", /could not find jsonpath variable "limit"/],
    ];
    for (const [predicate, message] of cases) {
      await assert.rejects(
        client.workflows.spawn({
          name: "w",
          tasks: { a: noop(), b: noop({ on: "a", when: { resultMatches: predicate } }) },
        }),
        (error: Error) => error instanceof InvalidCondition && message.test(error.message),
      );
    }
    assert.deepEqual(await client.workflows.list(), []);
  });

  test("on failure runs the repair, and what needs either goes on", async () => {
    const on = await engine(database);
    const id = await spawned(on, {
      try: noop(),
      repair: noop({ on: "try", when: "failure", otherwise: "skip" }),
      after: noop({ anyOf: ["try", "repair"] }),
      clean: noop({ on: "try", when: "always" }),
    });
    await work(on, { try: null });
    assert.deepEqual(await work(on), ["clean", "repair"]);
    assert.deepEqual(await work(on), ["after"]);
    const shown = await on.client.workflows.show(id);
    assert.equal(shown.status, "completed");
    assert.equal(shown.counts.failed, 1);
  });

  test("works between plain tasks of spawnMany, too", async () => {
    const on = await engine(database);
    await on.client.spawnMany([
      { task: "noop", dependsOn: [{ on: 1, when: "failure" }] },
      { task: "noop", maxRetries: 0 },
    ]);
    const [first] = await claim(on.db, on.worker, 5);
    await cycle(on.db, on.worker, { failed: [[first!, "fatal"]] });
    assert.equal((await claim(on.db, on.worker, 5)).length, 1);
  });

  test("on an ended parent is judged at once: met, refused or skipped", async () => {
    const on = await engine(database);
    const id = await spawned(on, { bad: noop(), good: noop() });
    await work(on, { bad: null });
    await on.client.workflows.add(id, {
      fallback: noop({ on: "bad", when: "failure" }),
      optional: noop({ on: "bad", otherwise: "skip" }),
      follower: noop("optional"),
    });
    await assert.rejects(on.client.workflows.add(id, { no: noop("bad") }), /which failed/);
    await assert.rejects(
      on.client.workflows.add(id, { no: noop({ on: "good", when: "failure" }) }),
      /which completed/,
    );
    assert.deepEqual(await work(on), ["fallback"]);
    await until(
      async () => {
        await maintain(on.db, on.worker);
        return (await statuses(on, id))["follower"] === "skipped";
      },
      { what: "the audit skipped what cannot run" },
    );
  });
});

describe("a join", () => {
  test("fires once when its parents complete in two transactions at once", async () => {
    const on = await engine(database);
    const rival = { db: await database.connect(), worker: await registerWorker(on.db) };
    await setClock(rival.db, T0);
    await spawned(on, {
      a: noop(),
      b: noop(),
      all: noop("a", "b"),
      any: noop({ anyOf: ["a", "b"] }),
      c: noop(),
      either: noop({ anyOf: ["a", "b"] }, "c"),
    });
    const [a] = await claim(on.db, on.worker, 1);
    const [b] = await claim(rival.db, rival.worker, 1);
    await on.db.query("begin");
    await cycle(on.db, on.worker, { done: [a!] });
    const second = cycle(rival.db, rival.worker, { done: [b!] });
    await untilBlocked(on.db, rival.db);
    await on.db.query("commit");
    await second;

    assert.deepEqual(await work(on), ["all", "any", "c"], "an alternative met twice counts once");
    assert.deepEqual(await work(on), ["either"]);
    const { rows } = await on.db.query("select * from absurd.waiting");
    assert.deepEqual(rows, []);
  });

  test("cancels once when one parent fails while the other completes", async () => {
    const on = await engine(database);
    const rival = { db: await database.connect(), worker: await registerWorker(on.db) };
    await setClock(rival.db, T0);
    const id = await spawned(on, { a: noop(), b: noop(), all: noop("a", "b") });
    const [a] = await claim(on.db, on.worker, 1);
    const [b] = await claim(rival.db, rival.worker, 1);
    await on.db.query("begin");
    await cycle(on.db, on.worker, { failed: [[a!, "fatal"]] });
    const second = cycle(rival.db, rival.worker, { done: [b!] });
    await untilBlocked(on.db, rival.db);
    await on.db.query("commit");
    await second;
    assert.equal((await statuses(on, id))["all"], "cancelled");
    assert.equal((await on.client.workflows.show(id)).status, "failed");
  });

  for (const [when, ends] of [
    ["failure", { bad: true, runs: true }],
    ["always", { bad: true, runs: true }],
    ["success", { bad: true, runs: false }],
    ["failure", { bad: false, runs: false }],
  ] as const) {
    const ending = ends.bad ? "fails" : "completes";
    test(`on ${when}, spawned while its parent ${ending}, is found by the audit`, async () => {
      const { db, worker } = await emptyEngine(database, { spawn: 1 });
      const [parent] = await claim(db, worker, 1);
      const spawner = await database.connect();
      await setClock(spawner, T0);
      await spawner.query("begin");
      const edge = { on: await uuid(db, parent!), when };
      const [child] = await spawn(spawner, [task({ depends_on: [edge] })]);
      await cycle(db, worker, ends.bad ? { failed: [[parent!, "fatal"]] } : { done: [parent!] });
      await spawner.query("commit");
      assert.equal((await claim(db, worker, 1)).length, 0);
      await until(
        async () => {
          await maintain(db, worker);
          if (ends.runs) return (await claim(db, worker, 1)).length === 1;
          const { rows } = await db.query<{ status: string }>(
            "select status from absurd.tasks where task_id = $1",
            [child!.task_id],
          );
          return rows[0]!.status === "cancelled";
        },
        { what: "the audit resolved the edge" },
      );
    });
  }

  test("counts a parent that starts anew while it waits", async () => {
    const on = await engine(database);
    const id = await spawned(on, {
      a: noop(),
      b: noop(),
      join: noop({ on: "a", when: "always" }, "b"),
    });
    const claimed = await claimAll(on);
    await cycle(on.db, on.worker, { done: [claimed.get("a")!] });
    await on.client.workflows.rerun(id, { from: "a", descendants: false });
    await cycle(on.db, on.worker, { done: [claimed.get("b")!] });
    assert.deepEqual(await work(on), ["a"], "the join still waits for a");
    assert.deepEqual(await work(on), ["join"]);
  });
});
