/** Promises of workflows: fan-outs over a result, and reruns of a part. */
import assert from "node:assert/strict";

import { describe, test } from "vitest";

import { freshDatabase, sqlWorker, workflowWorker } from "@contimg/testkit";

import { WorkflowBusy, WorkflowNotFound } from "./errors.ts";
import type { WorkflowNode, WorkflowNodes } from "./workflow.ts";

const { claim, cycle, uuid } = sqlWorker;
const { claimAll, engine, nameOf, noop, spawned, statuses, work } = workflowWorker;
const database = freshDatabase();

describe("a fan-out", () => {
  const fan = (rest: Partial<WorkflowNode["forEach"]> = {}): WorkflowNodes => ({
    split: noop(),
    each: {
      ...noop(),
      params: { path: { $element: "path" }, at: { $index: true } },
      forEach: { of: "split", path: "$.files", ...rest },
    },
    gather: noop("each"),
  });
  const files = (count: number): object => ({
    files: Array.from({ length: count }, (_, i) => ({ path: `f${i}` })),
  });

  for (const count of [0, 1, 500]) {
    test(`over ${count} elements runs each once and gathers after all`, async () => {
      const on = await engine(database);
      const id = await spawned(on, fan());
      await work(on, { split: files(count) });
      if (count > 0) {
        const claimed = [...(await claimAll(on))];
        assert.equal(claimed.length, count);
        const finish = (some: typeof claimed): Promise<unknown> =>
          cycle(on.db, on.worker, {
            done: some.map(([, row]) => row),
            results: some.map(([name]) => JSON.stringify(name)),
          });
        await finish(claimed.slice(1));
        assert.deepEqual(await work(on), []);
        await finish(claimed.slice(0, 1));
      }
      const [[, gather]] = [...(await claimAll(on))] as [[string, sqlWorker.ClaimRow]];
      const results = await on.client.workflows.parentResults(await uuid(on.db, gather));
      const names = Array.from({ length: count }, (_, i) => `each[${i}]`);
      assert.deepEqual(results["each"]!.result, names);
      const { rows } = await on.db.query<{ params: unknown }>(
        `select t.params from absurd.workflow_node n join absurd.task t on t.id = n.task_id
          where n.workflow_id = $1 and n.name like 'each[%' order by t.id`,
        [id],
      );
      assert.deepEqual(
        rows.map((row) => row.params),
        names.map((_, i) => ({ path: `f${i}`, at: i })),
      );
    });
  }

  test("fails with the reason when there is no list", async () => {
    const on = await engine(database);
    const id = await spawned(on, fan());
    await work(on, { split: { files: "none" } });
    const { nodes, status } = await on.client.workflows.show(id);
    assert.equal(status, "failed");
    assert.match(nodes.find((each) => each.node === "each")!.message!, /has string at \$\.files/);
  });

  test("whose element failed waits for that one again when it is retried", async () => {
    const on = await engine(database);
    const id = await spawned(on, fan());
    await work(on, { split: files(3) });
    await work(on, { "each[1]": null });
    assert.equal((await statuses(on, id))["gather"], "cancelled");
    assert.deepEqual(
      await on.client.workflows.rerun(id, { failedOnly: true }).then((n) => n.sort()),
      ["each", "each[1]", "gather"],
    );
    assert.deepEqual(await work(on), ["each[1]"]);
    assert.deepEqual(await work(on), ["gather"]);
  });

  test("goes on without failed elements when told to", async () => {
    const on = await engine(database);
    await spawned(on, fan({ otherwise: "continue" }));
    await work(on, { split: files(3) });
    await work(on, { "each[1]": null });
    assert.deepEqual(await work(on), ["gather"]);
  });

  test("has new elements after a rerun of its source", async () => {
    const on = await engine(database);
    const id = await spawned(on, fan());
    await work(on, { split: files(3) });
    await work(on);
    await work(on);
    await on.client.workflows.rerun(id, { from: "split" });
    await work(on, { split: files(2) });
    assert.deepEqual(await work(on), ["each[0]", "each[1]"]);
    assert.deepEqual(await work(on), ["gather"]);
    const { status, counts } = await on.client.workflows.show(id);
    assert.deepEqual([status, counts.total], ["completed", 5]);
  });

  test("added to a source that has ended expands at once", async () => {
    const on = await engine(database);
    const id = await spawned(on, { split: noop() });
    await work(on, { split: files(2) });
    const { each, gather } = fan();
    await on.client.workflows.add(id, { each: each!, gather: gather! });
    assert.deepEqual(await work(on), ["each[0]", "each[1]"]);
  });
});

describe("a rerun", () => {
  test("keeps good results outside the part and what was completed before in the log", async () => {
    const on = await engine(database);
    const id = await spawned(on, { a: noop(), b: noop("a"), side: noop("a"), c: noop("b") });
    await work(on, { a: "first" });
    await work(on);
    await work(on);
    const before = await on.client.workflows.show(id);
    const sideId = before.nodes.find((each) => each.node === "side")!.taskId;
    const side = await on.client.show(sideId);

    assert.deepEqual(await on.client.workflows.rerun(id, { from: "b" }), ["b", "c"]);
    assert.deepEqual(await work(on, { b: "second" }), ["b"]);
    assert.deepEqual(await work(on), ["c"]);
    assert.deepEqual((await on.client.show(sideId)).completedAt, side.completedAt);
    const bId = before.nodes.find((each) => each.node === "b")!.taskId;
    const b = await on.client.show(bId);
    assert.equal(b.result, "second");
    assert.deepEqual(
      b.attempts.map((each) => [each.attempt, each.ending]),
      [
        [1, "completed"],
        [2, "completed"],
      ],
    );
    const { rows } = await on.db.query("select result from absurd.attempt order by task_id");
    assert.deepEqual(rows, [{ result: { from: "b" } }, { result: { from: "c" } }]);
  });

  test("of a node alone leaves what follows as it is", async () => {
    const on = await engine(database);
    const id = await spawned(on, { a: noop(), b: noop("a") });
    await work(on);
    await work(on);
    assert.deepEqual(await on.client.workflows.rerun(id, { from: "a", descendants: false }), ["a"]);
    assert.deepEqual(await work(on), ["a"]);
    assert.deepEqual(await work(on), []);
  });

  test("of what failed wakes what was cancelled because of it", async () => {
    const on = await engine(database);
    const id = await spawned(on, {
      a: noop(),
      b: noop("a"),
      good: noop(),
      both: noop("b", "good"),
    });
    await work(on, { a: null });
    assert.equal((await on.client.workflows.show(id)).status, "failed");
    await on.client.workflows.rerun(id, { failedOnly: true });
    assert.deepEqual(await work(on), ["a"]);
    assert.deepEqual(await work(on), ["b"]);
    assert.deepEqual(await work(on), ["both"]);
    assert.equal((await on.client.workflows.show(id)).status, "completed");
  });

  test("is refused while a node of it runs, by name, and for an unknown node", async () => {
    const on = await engine(database);
    const id = await spawned(on, { a: noop(), b: noop("a") });
    await work(on);
    const [b] = await claim(on.db, on.worker, 1);
    assert.equal(await nameOf(on.db, b!), "b");
    await assert.rejects(
      on.client.workflows.rerun(id, { from: "a" }),
      (error: Error) => error instanceof WorkflowBusy && /: b \(lease\)/.test(error.message),
    );
    await assert.rejects(on.client.workflows.rerun(id, { from: "x" }), WorkflowNotFound);
  });
});
