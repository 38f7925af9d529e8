/** Promises of templates, and of workflows under a real worker. */
import assert from "node:assert/strict";

import { afterEach, describe, test } from "vitest";
import { z } from "zod";

import { freshDatabase } from "@contimg/testkit";

import { AbsurdClient } from "./client.ts";
import { InvalidWorkflow, TemplateNotFound } from "./errors.ts";
import { defineTask } from "./task.ts";
import { type TemplateDefinition, diffTemplates } from "./templates.ts";
import { type WorkerHandle, startWorker } from "./worker.ts";
import { workflow } from "./workflow.ts";

const database = freshDatabase();
let worker: WorkerHandle | undefined;

afterEach(async () => {
  await worker?.stop({ graceSeconds: 0 });
  worker = undefined;
});

const split = defineTask({
  name: "split",
  params: z.strictObject({ parts: z.int() }),
  handler: ({ parts }) => ({ numbers: Array.from({ length: parts }, (_, i) => i + 1) }),
});
const square = defineTask({
  name: "square",
  params: z.strictObject({ n: z.int() }),
  handler: ({ n }) => n * n,
});
const sum = defineTask({
  name: "sum",
  params: z.strictObject({}),
  handler: async (_, context) => {
    const { squares } = await context.parentResults();
    return z
      .array(z.number())
      .parse(squares?.result)
      .reduce((a, b) => a + b, 0);
  },
});
const grow = defineTask({
  name: "grow",
  params: z.strictObject({}),
  handler: async (_, context) => {
    await context.workflow.add({
      more: { task: square, params: { n: 7 } },
      last: { task: square, params: { n: 8 }, dependsOn: ["more"] },
    });
  },
});
const tasks = [split, square, sum, grow];

const SQUARES: TemplateDefinition = {
  name: "squares",
  params: [
    { name: "count", type: "integer", default: 3 },
    { name: "queue", type: "string", required: false },
  ],
  tasks: {
    total: { task: sum, params: {}, dependsOn: ["squares"] },
    squares: {
      task: square,
      params: { n: { $element: "" } },
      forEach: { of: "split", path: "$.numbers" },
    },
    split: { task: split, params: { parts: { $param: "count" } } },
  },
};

async function start(): Promise<AbsurdClient> {
  worker = await startWorker({ connectionString: database.url, tasks, concurrency: 4 });
  const client = new AbsurdClient(database.pool(), { tasks });
  await client.registerTasks();
  return client;
}

async function resultOf(client: AbsurdClient, id: string, node: string): Promise<unknown> {
  const { nodes } = await client.workflows.show(id);
  return (await client.show(nodes.find((each) => each.node === node)!.taskId)).result;
}

describe("a template", () => {
  test("runs with its params filled in, and is what its plan says", async () => {
    const client = await start();
    const { version } = await client.workflows.defineTemplate(SQUARES);
    const plan = await client.workflows.planTemplate("squares", { count: 4 });
    assert.deepEqual(
      plan.nodes.map((each) => each.node),
      ["split", "squares", "total"],
    );
    assert.deepEqual(plan.nodes[0]!["params"], { parts: 4 });

    const { workflowId } = await client.workflows.spawnTemplate("squares", { count: 4 });
    const ended = await client.workflows.awaitEnd(workflowId);
    assert.equal(ended.status, "completed");
    assert.deepEqual(
      [ended.template, ended.version, ended.params],
      ["squares", version, { count: 4, queue: null }],
    );
    assert.equal(await resultOf(client, workflowId, "total"), 1 + 4 + 9 + 16);
  });

  test("gets a new version only when it differs; old versions stay", async () => {
    const client = await start();
    const first = await client.workflows.defineTemplate(SQUARES);
    assert.deepEqual(await client.workflows.defineTemplate(SQUARES), { ...first, created: false });
    const { squares } = SQUARES.tasks;
    const other = {
      ...SQUARES,
      tasks: {
        squares: squares!,
        split: { task: split, params: { parts: 1 } },
        end: { task: sum },
      },
    };
    const second = await client.workflows.defineTemplate(other);
    assert.equal(second.version, first.version + 1);
    const [old, now] = await Promise.all([
      client.workflows.showTemplate("squares", first.version),
      client.workflows.showTemplate("squares"),
    ]);
    assert.deepEqual(diffTemplates(old, now), {
      params: false,
      added: ["end"],
      removed: ["total"],
      changed: [{ node: "split", fields: ["params"] }],
    });
  });

  test("refuses what does not fit, by name, value and expectation", async () => {
    const client = await start();
    await client.workflows.defineTemplate({ ...SQUARES, name: "strict" });
    const cases: [Record<string, unknown>, RegExp][] = [
      [{ count: "four" }, /parameter "count" is "four", expected integer/],
      [{ count: 1.5 }, /parameter "count" is 1\.5, expected integer/],
      [{ size: 1 }, /parameter "size" is unknown, expected count, queue/],
    ];
    for (const [params, message] of cases) {
      await assert.rejects(
        client.workflows.spawnTemplate("strict", params),
        (error: Error) => error instanceof InvalidWorkflow && message.test(error.message),
      );
    }
    await assert.rejects(client.workflows.spawnTemplate("nobody"), TemplateNotFound);
    await assert.rejects(
      client.workflows.showTemplate("strict", 9),
      /no template "strict" of version 9/,
    );
    await assert.rejects(
      client.workflows.defineTemplate({
        name: "loose",
        tasks: { a: { task: split, params: { parts: { $param: "count" } } } },
      }),
      /refer to a parameter "count", which is not declared/,
    );
  });
});

describe("a running task", () => {
  test("adds nodes to its workflow, once however often it is tried", async () => {
    const client = await start();
    const { workflowId } = await client.workflows.spawn(workflow("grows").task("grow", grow, {}));
    const ended = await client.workflows.awaitEnd(workflowId);
    assert.deepEqual([ended.status, ended.counts.total], ["completed", 3]);
    await client.workflows.rerun(workflowId, { from: "grow" });
    const again = await client.workflows.awaitEnd(workflowId);
    assert.deepEqual([again.status, again.counts.total], ["completed", 3]);
    assert.equal(await resultOf(client, workflowId, "last"), 64);
  });
});
