/** Promises of workflows as a whole: size, cycles, keys, growth, the end of all. */
import assert from "node:assert/strict";

import { describe, test } from "vitest";

import { freshDatabase, workflowWorker } from "@contimg/testkit";

import { DependencyCycle, InvalidTransition, InvalidWorkflow, WorkflowNotFound } from "./errors.ts";
import type { WorkflowNode } from "./workflow.ts";

const { engine, noop, spawned, work } = workflowWorker;
const database = freshDatabase();

describe("a workflow", () => {
  test("of 2,000 nodes is one call, and ends node by node", async () => {
    const on = await engine(database);
    const tasks: Record<string, WorkflowNode> = { foot: noop("row-99-0", "row-99-9") };
    for (let row = 0; row < 100; row++) {
      for (let i = 0; i < 20; i++) {
        const parents = row === 0 ? [] : [`row-${row - 1}-${i}`, `row-${row - 1}-${(i + 7) % 20}`];
        tasks[`row-${row}-${i}`] = noop(...parents);
      }
    }
    const id = await spawned(on, tasks);
    for (let row = 0; row < 100; row++) assert.equal((await work(on)).length, 20);
    assert.deepEqual(await work(on), ["foot"]);
    const { status, counts } = await on.client.workflows.show(id);
    assert.deepEqual([status, counts.total, counts.completed], ["completed", 2001, 2001]);
  });

  test("with a cycle is refused, and the cycle is named", async () => {
    const { client } = await engine(database);
    const tasks = {
      top: noop(),
      a: noop("c", "top"),
      b: noop("a"),
      c: noop({ on: "b", when: "always" }),
    };
    await assert.rejects(
      client.workflows.spawn({ name: "w", tasks }),
      (error: Error) =>
        error instanceof DependencyCycle &&
        /(a -> b -> c -> a|b -> c -> a -> b|c -> a -> b -> c)/.test(error.message),
    );
    await assert.rejects(
      client.workflows.spawn({ name: "w", tasks: { a: noop("x") } }),
      (error: Error) =>
        error instanceof WorkflowNotFound && /"a" depends on "x"/.test(error.message),
    );
    await assert.rejects(
      client.workflows.spawn({ name: "w", tasks: { "a[0]": noop() } }),
      InvalidWorkflow,
    );
  });

  test("with a known key is the older one", async () => {
    const { client } = await engine(database);
    const spec = { name: "w", tasks: { a: noop() }, idempotencyKey: "night-1" };
    const first = await client.workflows.spawn(spec);
    assert.deepEqual(await client.workflows.spawn(spec), { ...first, created: false });
    assert.equal((await client.workflows.list()).length, 1);
  });

  test("is cancelled as a whole and takes no more nodes", async () => {
    const on = await engine(database);
    const id = await spawned(on, { a: noop(), b: noop("a") });
    assert.equal(await on.client.workflows.cancel(id), 2);
    assert.equal((await on.client.workflows.show(id)).status, "cancelled");
    await assert.rejects(on.client.workflows.add(id, { c: noop() }), InvalidTransition);
    await assert.rejects(on.client.workflows.show("17"), WorkflowNotFound);
    const nobody = "01a2021c-bb60-7000-8040-000000000000";
    await assert.rejects(on.client.workflows.cancel(nobody), WorkflowNotFound);
  });

  test("grows while it runs, and a name that is there is left as it is", async () => {
    const on = await engine(database);
    const id = await spawned(on, { a: noop(), b: noop("a") });
    await work(on);
    const more = { c: noop("a", "b"), d: noop("c") };
    const added = await on.client.workflows.add(id, more);
    assert.deepEqual(
      added.map((each) => [each.node, each.created]),
      [
        ["c", true],
        ["d", true],
      ],
    );
    const again = await on.client.workflows.add(id, { ...more, e: noop("d") });
    assert.deepEqual(
      again.map((each) => each.created),
      [false, false, true],
    );
    for (const name of ["b", "c", "d", "e"]) assert.deepEqual(await work(on), [name]);
    assert.equal((await on.client.workflows.show(id)).status, "completed");
  });
});
